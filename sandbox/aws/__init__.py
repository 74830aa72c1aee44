"""An AWS account on localhost: SQS, SNS and SES v2 behind one port, for unmodified AWS SDKs."""
