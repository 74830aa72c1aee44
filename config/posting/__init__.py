"""Calls to AWS at a fraction of boto3's cost: one POST each, over connections that stay open.

boto3 spends about a millisecond of Python on a call, which caps a process that makes thousands a
second. botocore still does, once, what it knows best: the endpoint, the credentials and their
renewal, the model; and it explains every error that AWS answers.
"""
