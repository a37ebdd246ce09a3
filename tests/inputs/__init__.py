"""Whatever reads what others wrote, against damaged input: it gives a value or says what is wrong, and nothing else."""
