"""Where the code is: the folder that holds `agent/`, in a checkout and in a wheel."""

from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
