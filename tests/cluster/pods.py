"""Kubernetes objects of what runs in pods, as strict as Pod Security *restricted* has them."""

NS = "workloads"
USER = 65532  # as the images say


def is_ready(item):
    """What a pod, or a node, says of itself."""
    return any(each["type"] == "Ready" and each["status"] == "True"
               for each in item["status"].get("conditions", ()))


def meta(name):
    return {"name": name, "namespace": NS}


def secret(name, files):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta(name), "stringData": files}


def config_map(name, files):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name), "data": files}


def from_secret(name):
    """A volume; its files are root's, and of the pod's group."""
    return {"secret": {"secretName": name, "defaultMode": 0o440}}


def container(image, ports, args=(), probe=None):
    """`ports` by name; ready when the first takes connections, unless a probe says otherwise."""
    probe = probe or {"tcpSocket": {"port": next(iter(ports))}}
    return {
        "name": "main", "image": image, "imagePullPolicy": "Never", "args": list(args),
        "ports": [{"name": name, "containerPort": port} for name, port in ports.items()],
        "readinessProbe": {**probe, "periodSeconds": 1},
        "livenessProbe": {**probe, "periodSeconds": 10, "timeoutSeconds": 5,
                          "failureThreshold": 10},
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                            "capabilities": {"drop": ["ALL"]}},
    }


def deployment(name, runs, volumes, replicas=2):
    """`volumes` by the path where they are mounted."""
    paths = {path: path.strip("/").replace("/", "-") for path in volumes}
    mounts = [{"name": paths[path], "mountPath": path} for path in volumes]
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta(name),
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                 "template": {"metadata": {"labels": {"app": name}}, "spec": {
                     "automountServiceAccountToken": False,
                     "enableServiceLinks": False,
                     "terminationGracePeriodSeconds": 1,
                     "securityContext": {
                         "runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER,
                         "fsGroup": USER, "seccompProfile": {"type": "RuntimeDefault"}},
                     "containers": [{**runs, "volumeMounts": mounts}],
                     "volumes": [{"name": paths[path], **what} for path, what in volumes.items()],
                 }}}}


def service(name, ports, selects=None, **spec):
    """`ports` by name, each as (port, target port)."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(name), "spec": {
        "selector": {"app": selects or name}, **spec,
        "ports": [{"name": key, "port": port, "targetPort": target}
                  for key, (port, target) in ports.items()]}}


def ingress(name, host, service_name, port, class_name):
    """`port` is a number or a name of the Service's."""
    by = "number" if isinstance(port, int) else "name"
    backend = {"service": {"name": service_name, "port": {by: port}}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(name),
            "spec": {"ingressClassName": class_name, "rules": [{"host": host, "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": backend}]}}]}}
