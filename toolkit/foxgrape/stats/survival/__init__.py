"""Lead times with right-censored signals."""
