"""Reads parameters from Parameter Store, each at most once in a function's life."""

import functools


@functools.lru_cache(maxsize=None)
def get_ssm_parameter(name):
    """The parameter's value. Cached: a warm function asks AWS once."""
    import boto3  # Lambda's runtimes bring it; loading it only here keeps cold starts of the others short.

    return boto3.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
