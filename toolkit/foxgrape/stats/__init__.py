"""Statistics of signals and events: lead times, coincidence, hazard ratio, alarms."""
