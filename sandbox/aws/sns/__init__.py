"""Amazon SNS: topics that deliver to SQS, over the Query protocol."""
