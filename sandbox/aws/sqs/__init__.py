"""Amazon SQS: standard queues over the AWS JSON 1.0 protocol."""
