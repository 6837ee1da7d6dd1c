"""manifests - the objects of a route, as files that Sealway reads."""
import json
import os


def service(ns, name):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": ns, "name": name},
            "spec": {"ports": [{"name": "tls", "port": 443}]}}


def endpoints(ns, name, *addresses):
    """A slice for each (ip, port): the ports of a slice are those of all its endpoints."""
    return [{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
             "metadata": {"namespace": ns, "name": f"{name}-{i}",
                          "labels": {"kubernetes.io/service-name": name}},
             "ports": [{"name": "tls", "port": port}],
             "endpoints": [{"addresses": [ip]}]} for i, (ip, port) in enumerate(addresses)]


def ingress(ns, name, host, to):
    """`host` is a name, a pattern, or None for every name."""
    rule = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {
        "service": {"name": to, "port": {"number": 443}}}}]}}
    if host is not None:
        rule["host"] = host
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"namespace": ns, "name": name},
            "spec": {"ingressClassName": "sealway", "rules": [rule]}}


def route(ns, name, host, *addresses):
    """An Ingress with a Service of its own, of the same name."""
    return [ingress(ns, name, host, name), service(ns, name), *endpoints(ns, name, *addresses)]


def write(directory, name, objects):
    """Write a file of these objects, as a whole: a reader sees the old one or the new one."""
    path = os.path.join(directory, name + ".yaml")
    with open(path + ".new", "w", encoding="utf-8") as out:
        for item in objects:
            out.write("---\n" + json.dumps(item) + "\n")
    os.rename(path + ".new", path)
