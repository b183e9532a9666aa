"""The wall: heavy work runs behind it as jobs, and only data comes back."""
