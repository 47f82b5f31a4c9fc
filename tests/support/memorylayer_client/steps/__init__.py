"""What users do, by subject."""
