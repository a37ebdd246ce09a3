"""Running Tieout on one machine: the home folder, free ports, the embedded Valkey, and the process tree."""
