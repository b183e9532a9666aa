"""How often each instrument alarms on nulls and on planted faults, over many seeds."""
