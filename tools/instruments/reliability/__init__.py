"""Can a judge be trusted: calibration, agreement, transitivity, panels, gold with help."""
