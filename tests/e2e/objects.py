"""Kubernetes objects as the tests need them: short to write, whole to the API server."""

NS = "shop"


def meta(name, ns=NS, **more):
    return {"name": name, "namespace": ns, **more}


def namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def ingress_class(name, controller):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
            "metadata": {"name": name}, "spec": {"controller": controller}}


def ingress(name, host, service=None, ns=NS, class_name="sealway", port=443):
    backend = {"service": {"name": service or name, "port": {"number": port}}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(name, ns),
            "spec": {"ingressClassName": class_name, "rules": [
                {"host": host, "http": {"paths": [
                    {"path": "/", "pathType": "Prefix", "backend": backend}]}}]}}


def service(name, ns=NS, **spec):
    """Headless unless the spec says otherwise: an address of its own costs the API server more."""
    ports = [{"name": "tls", "port": 443, "targetPort": 8443}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(name, ns),
            "spec": {"clusterIP": "None", "selector": {"app": name}, "ports": ports, **spec}}


def endpoint(address, **conditions):
    return {"addresses": [address], "conditions": conditions or {"ready": True}}


def slice_of(name, service_name, endpoints, ns=NS, port=8443, port_name="tls"):
    """An EndpointSlice; endpoints are addresses, or what endpoint() makes."""
    entries = [e if isinstance(e, dict) else endpoint(e) for e in endpoints]
    is_v6 = bool(entries) and ":" in entries[0]["addresses"][0]
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": meta(name, ns, labels={"kubernetes.io/service-name": service_name}),
            "addressType": "IPv6" if is_v6 else "IPv4", "endpoints": entries,
            "ports": [{"name": port_name, "port": port, "protocol": "TCP"}]}


def endpoints(name, addresses, not_ready=(), ns=NS, port=8443):
    """The older kind, whose name is that of the Service."""
    subset = {"addresses": [{"ip": a} for a in addresses],
              "notReadyAddresses": [{"ip": a} for a in not_ready],
              "ports": [{"name": "tls", "port": port}]}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta(name, ns),
            "subsets": [subset]}


def site(name, addresses, ns=NS, host=None):
    """What a name takes to be routed: Service, EndpointSlice, Ingress."""
    return [service(name, ns), slice_of(name, name, addresses, ns),
            ingress(name, host or f"{name}.e2e.test", ns=ns)]
