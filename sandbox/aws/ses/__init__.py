"""Amazon SES, API v2: sending, its limits, and the events that follow."""
