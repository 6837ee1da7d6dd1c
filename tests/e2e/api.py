"""Requests to an API server as who may do everything."""

import http.client
import json
import time


IDLE_S = 60  # an API server closes what is idle for longer, perhaps just when it is used again


class ApiError(Exception):
    """An answer that is no success."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Api:
    """One connection, opened anew when it breaks.  One thread at a time."""

    def __init__(self, port, make_context, host="127.0.0.1"):
        self.host = host
        self.port = port
        self.make_context = make_context
        self.connection = None
        self.used = 0.0

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def request(self, method, path, body=None, parse=True, content_type="application/json"):
        """One request; an object, or the text of the answer."""
        if time.monotonic() - self.used > IDLE_S:
            self.close()
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(
                self.host, self.port, context=self.make_context(), timeout=30)
        try:
            data = None if body is None else json.dumps(body)
            self.connection.request(method, path, data, {"Content-Type": content_type})
            answer = self.connection.getresponse()
            text = answer.read().decode()
            self.used = time.monotonic()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if answer.status >= 300:
            raise ApiError(answer.status, text)
        return json.loads(text) if parse else text

    def create(self, item):
        return self.request("POST", path_of(item, named=False), item)

    def put(self, item):
        """Have it as it says, whether or not there is one of that name."""
        try:
            return self.request("PUT", path_of(item), item)
        except ApiError as error:
            if error.status != 404:
                raise
            return self.create(item)

    def delete(self, item):
        self.request("DELETE", path_of(item))


def path_of(item, named=True):
    """Where the API server has an object of the kinds the tests make."""
    version, meta = item["apiVersion"], item["metadata"]
    parts = ["/apis" if "/" in version else "/api", version]
    if "namespace" in meta:
        parts += ["namespaces", meta["namespace"]]
    kind = item["kind"].lower()
    parts.append(kind if kind.endswith("points") else
                 kind + "es" if kind.endswith("ss") else kind + "s")
    if named:
        parts.append(meta["name"])
    return "/".join(parts)
