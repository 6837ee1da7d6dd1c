"""Real TLS clients against real TLS servers, directly and through the proxy."""
