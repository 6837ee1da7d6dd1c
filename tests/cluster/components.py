"""The components of a node: how each is called, and the files it reads."""

import json
import pathlib
import shlex

from namespaces import CLIENT_IP, NODE_IP

API_PORT = 6443
ETCD, ETCD_PEER = "https://127.0.0.1:2379", "http://127.0.0.1:2380"
PODS, SERVICES, FIRST_SERVICE = "10.244.0.0/24", "10.96.0.0/16", "10.96.0.1"
NAME_SERVER = "10.96.0.10"  # nobody is there
PAUSE = "sealway.test/pause:1"
SOCKET = "/run/containerd/containerd.sock"

AUDIT = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
         "rules": [{"level": "Metadata"}]}

# Without restrict_oom_score_adj no pod is started where that score may not be lowered.
CONTAINERD = """version = 2
root = "{dir}/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{dir}/cni"
"""

# Each pod on a wire of its own: what goes from one to another is routed, and so sees kube-proxy's
# rules without the kernel's br_netfilter, which nobody may have loaded.
NETWORK = {
    "cniVersion": "1.0.0", "name": "pods", "plugins": [
        {"type": "ptp",
         "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]],
                  "routes": [{"dst": "0.0.0.0/0"}]}},
        {"type": "portmap", "capabilities": {"portMappings": True}}]}


def kubelet(directory, cgroup):
    keys = f"{directory}/pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "failCgroupV1": False, "failSwapOn": False, "oomScoreAdj": 0,
        "cgroupDriver": "cgroupfs", "cgroupRoot": f"/{cgroup}",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "podLogsDir": f"{directory}/pods", "volumePluginDir": f"{directory}/plugins",
        "resolvConf": f"{directory}/resolv.conf",
        "clusterDomain": "cluster.local", "clusterDNS": [NAME_SERVER],
        "tlsCertFile": f"{keys}/kubelet-server.crt",
        "tlsPrivateKeyFile": f"{keys}/kubelet-server.key",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                           "x509": {"clientCAFile": f"{keys}/ca.crt"}},
        "authorization": {"mode": "Webhook"},
        # However full this machine's disk is.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "0%",
                         "nodefs.inodesFree": "0%", "imagefs.available": "0%",
                         "imagefs.inodesFree": "0%"},
        "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
    }


def proxy(directory):
    """In a network namespace it may not set what is the whole machine's of conntrack."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
        "mode": "nftables", "hostnameOverride": "node", "oomScoreAdj": 0, "clusterCIDR": PODS,
        "clientConnection": {"kubeconfig": f"{directory}/pki/proxy.kubeconfig"},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s",
                      "tcpCloseWaitTimeout": "0s"},
        "nodePortAddresses": [f"{NODE_IP}/32"],
        "nftables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
    }


def etcd(directory):
    keys = f"{directory}/pki"
    return [
        "etcd", "--name=node", f"--data-dir={directory}/etcd", "--unsafe-no-fsync",
        "--log-level=warn", "--watch-progress-notify-interval=5s",
        f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}",
        f"--listen-peer-urls={ETCD_PEER}", f"--initial-advertise-peer-urls={ETCD_PEER}",
        f"--initial-cluster=node={ETCD_PEER}", "--client-cert-auth",
        f"--cert-file={keys}/etcd.crt", f"--key-file={keys}/etcd.key",
        f"--trusted-ca-file={keys}/ca.crt"]


def apiserver(directory):
    keys = f"{directory}/pki"
    return [
        "apiserver", "--bind-address=0.0.0.0", f"--secure-port={API_PORT}",
        f"--advertise-address={NODE_IP}", f"--service-cluster-ip-range={SERVICES}",
        f"--etcd-servers={ETCD}", f"--etcd-cafile={keys}/ca.crt",
        f"--etcd-certfile={keys}/etcd-client.crt", f"--etcd-keyfile={keys}/etcd-client.key",
        f"--tls-cert-file={keys}/apiserver.crt", f"--tls-private-key-file={keys}/apiserver.key",
        f"--client-ca-file={keys}/ca.crt",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={keys}/sa.pub",
        f"--service-account-signing-key-file={keys}/sa.key",
        "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--kubelet-client-certificate={keys}/kubelet-client.crt",
        f"--kubelet-client-key={keys}/kubelet-client.key",
        f"--kubelet-certificate-authority={keys}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={keys}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={keys}/front-proxy-client.crt",
        f"--proxy-client-key-file={keys}/front-proxy-client.key",
        f"--audit-policy-file={directory}/audit.json", f"--audit-log-path={directory}/audit.jsonl",
        "--shutdown-delay-duration=0s"]


def follower(directory, name):
    """The two that follow the API server, with nobody to share the work with; what they may ask of
    it by default takes them four seconds to start."""
    config = f"{directory}/pki/{name}.kubeconfig"
    return [name, f"--kubeconfig={config}", f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}", "--bind-address=127.0.0.1",
            "--leader-elect=false", "--kube-api-qps=500", "--kube-api-burst=1000"]


def commands(directory, cgroup):
    """The units of a node, in the order in which they need each other."""
    keys = f"{directory}/pki"
    kube = {
        "etcd": etcd(directory),
        "apiserver": apiserver(directory),
        "controller-manager": [
            *follower(directory, "controller-manager"), "--use-service-account-credentials",
            f"--service-account-private-key-file={keys}/sa.key", f"--root-ca-file={keys}/ca.crt",
            # Its watches come back by their backoff, long after an API server that was away has:
            # until then it sees no sign of life of the node, and would take it for lost, and all
            # pods out of their Services.
            "--node-monitor-grace-period=2m",
            f"--flex-volume-plugin-dir={directory}/plugins"],
        "scheduler": follower(directory, "scheduler"),
        "kubelet": ["kubelet", f"--config={directory}/kubelet.json",
                    f"--kubeconfig={keys}/kubelet.kubeconfig", f"--root-dir={directory}/kubelet",
                    "--hostname-override=node", f"--node-ip={NODE_IP}"],
        "proxy": ["proxy", f"--config={directory}/proxy.json"],
    }
    return {"containerd": ["containerd", f"--config={directory}/containerd.toml"],
            **{name: ["/kube", *argv] for name, argv in kube.items()}}


def write(directory, cgroup, snapshotter):
    """All files but the keys."""
    directory = pathlib.Path(directory)
    for name in ("cni", "log", "pid", "plugins", "pods", "unit", "wanted"):
        (directory / name).mkdir()
    (directory / "cgroup").write_text(cgroup)
    (directory / "resolv.conf").write_text(f"nameserver {CLIENT_IP}\n")
    (directory / "containerd.toml").write_text(CONTAINERD.format(
        dir=directory, socket=SOCKET, pause=PAUSE, snapshotter=snapshotter))
    for name, content in (("cni/10-pods.conflist", NETWORK), ("audit.json", AUDIT),
                          ("kubelet.json", kubelet(directory, cgroup)),
                          ("proxy.json", proxy(directory))):
        (directory / name).write_text(json.dumps(content, indent=1))
    for name, argv in commands(directory, cgroup).items():
        (directory / "unit" / name).write_text(f"exec {shlex.join(argv)}\n")
