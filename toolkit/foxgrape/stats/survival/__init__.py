"""Lead times: Kaplan-Meier, Turnbull, parametric fits and competing risks."""
