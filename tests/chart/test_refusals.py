"""Wrong values are refused by `helm template`, with words that say what to do."""

import concurrent.futures

import chart

# Values, and what has to stand in the message.
REFUSED = [
    # the schema: names, kinds and words
    (["contoller.kind=Deployment"], "additional properties 'contoller' not allowed"),
    (["controller.replicas=3"], "additional properties 'replicas' not allowed"),
    (["controller.kind=StatefulSet"], "value must be one of 'Deployment', 'DaemonSet'"),
    (["controller.replicaCount=-1"], "at '/controller/replicaCount': minimum: got -1"),
    (["controller.replicaCount=two"], "at '/controller/replicaCount': got string, want integer"),
    (["controller.image.tag=1"], "at '/controller/image/tag': got number, want string"),
    (["controller.image.repository=a:b"], "at '/controller/image/repository'"),
    (["controller.image.digest=latest"], "at '/controller/image/digest'"),
    (["controller.image.pullPolicy=never"], "'Always', 'IfNotPresent', 'Never'"),
    (["controller.ingressClassResource.name=Sealway"], "/ingressClassResource/name': 'Sealway'"),
    (["controller.ingressClassResource.controllerValue=sealway"], "/controllerValue': 'sealway'"),
    (["controller.scope.namespaces=team-a"], "/scope/namespaces': got string, want array"),
    (["controller.scope.namespaces={Team}"], "/scope/namespaces/0': 'Team'"),
    (["controller.endpointsApi=slices"], "'auto', 'endpointslices', 'endpoints'"),
    (["controller.write=never"], "at '/controller/write': value must be one of 'auto', 'on'"),
    (["controller.publishService.pathOverride=front"], "/publishService/pathOverride': 'front'"),
    (["controller.publishAddresses={a b}"], "/publishAddresses/0': 'a b'"),
    (["controller.containerPort.https=70000"], "maximum: got 70,000, want 65,535"),
    (["controller.bindAddress=::"], "at '/controller/bindAddress': '::'"),
    (["controller.lowPorts=setcap"], "'sysctl', 'node', 'file', 'root'"),
    (["controller.podAntiAffinity=off"], "'soft', 'hard', 'none'"),
    (["controller.minAvailable=half"], "at '/controller/minAvailable': 'half'"),
    (["controller.terminationGracePeriodSeconds=5m"], "got string, want null or integer"),
    (["controller.service.type=ExternalName"], "'LoadBalancer', 'NodePort', 'ClusterIP'"),
    (["controller.service.externalTrafficPolicy=local"], "value must be one of 'Local', 'Cluster'"),
    (["controller.service.nodePorts.https=0"], "minimum: got 0, want 1"),
    (["controller.service.loadBalancerSourceRanges={10.0.0.0}"], "/loadBalancerSourceRanges/0'"),
    (["controller.service.ipFamilies={ipv4}"], "value must be one of 'IPv4', 'IPv6'"),
    (["controller.metrics.port=0"], "at '/controller/metrics/port': minimum: got 0"),
    (["controller.metrics.enabled=true"], "additional properties 'enabled' not allowed"),
    (["controller.metrics.serviceMonitor.scrapeInterval=30"], "got number, want string"),
    (["controller.metrics.prometheusRule.disabled={Absent}"], "/prometheusRule/disabled/0': 'Abs"),
    (["controller.networkPolicy.egress=all"], "/networkPolicy/egress': got string"),
    (["rbac.create=maybe"], "at '/rbac/create': got string, want boolean"),
    (["imagePullSecrets={registry}"], "at '/imagePullSecrets/0': got string, want object"),
    (["namespaceOverride=Edge"], "at '/namespaceOverride': 'Edge'"),
    (["controller.config.log-format=xml"], "/log-format': value must be one of 'text', 'json'"),
    (["controller.config.admin-open=yes"], "config/admin-open': got string, want null or boolean"),
    # the template: options
    (["controller.config.hello-timout=5s"], "hello-timout: sealway serve has no such option"),
    (["controller.config.hello-timeout=5"], "hello-timeout: 5: write a whole number and a unit"),
    (["controller.config.hello-timeout=5sec"], "5sec: write a whole number and a unit: ms, s, m"),
    (["controller.config.hello-max-bytes=65536"], "65536: write a whole number and a unit: KiB"),
    (["controller.config.connect-retries=few"], "connect-retries: few: write a whole number"),
    (["controller.config.workers=-1"], "controller.config.workers: -1: write a whole number"),
    (["controller.config.max-connections-per-client=none"], "none: write a whole number, or off"),
    (["controller.config.listen=0.0.0.0:443"], "set controller.containerPort.https and"),
    (["controller.config.watch-namespace=a"], "config.watch-namespace: set controller.scope"),
    (["controller.config.kubeconfig=/k"], "config.kubeconfig: makes no sense in a pod"),
    (["controller.config.manifests=/m"], "config.manifests: makes no sense in a pod"),
    # the template: values that contradict each other
    (["controller.publishService.pathOverride=a/b", "controller.publishAddresses={192.0.2.1}"],
     "controller.publishAddresses: takes the place of controller.publishService.pathOverride"),
    (["controller.hostNetwork=true", "controller.hostPort.enabled=true"],
     "with hostNetwork the port of the node is controller.containerPort.https, 8443"),
    (["controller.hostNetwork=true", "controller.containerPort.https=443"],
     "controller.lowPorts: say how a process that is not root may bind port 443"),
    (["controller.metrics.port=8443"], "controller.containerPort.https has that port"),
    (["controller.kind=DaemonSet", "controller.autoscaling.enabled=true"],
     "a DaemonSet has a pod on each node; set controller.kind to Deployment"),
    (["controller.autoscaling.enabled=true", "controller.autoscaling.maxReplicas=1"],
     "controller.autoscaling.maxReplicas: 1: less than minReplicas, 2"),
    (["controller.autoscaling.enabled=true",
      "controller.autoscaling.targetCPUUtilizationPercentage=null"],
     "controller.autoscaling: there is nothing to go by; set targetCPUUtilizationPercentage"),
    (["controller.readinessProbe.failureThreshold=4"],
     "failureThreshold: 4: a pod that stops would get no connections before drain-delay is over"),
    (["controller.readinessProbe.failureThreshold=5", "controller.config.drain-delay=30s"],
     "leave it out, or set at least 8"),
    (["commonLabels.app\\.kubernetes\\.io/name=edge"], "commonLabels: app.kubernetes.io/name: "),
    (["controller.podLabels.app\\.kubernetes\\.io/instance=edge"],
     "controller.podLabels: app.kubernetes.io/instance: Services and the Deployment find pods by"),
    (["controller.metrics.service.labels.app\\.kubernetes\\.io/component=edge"],
     "controller.metrics.service.labels: app.kubernetes.io/component: "),
    (["controller.terminationGracePeriodSeconds=30"],
     "30: connections would be cut after it, while drain-delay 15s and drain-timeout 300s promise"),
    (["controller.config.ingress-class-only=true"],
     "nothing would be served; set controller.ingressClassByName"),
    (["controller.config.ingress-class-only=true", "controller.ingressClasses={nginx}",
      "controller.watchIngressWithoutClass=true"],
     "controller.watchIngressWithoutClass: contradicts controller.config.ingress-class-only"),
    (["controller.metrics.prometheusRule.enabled=true",
      "controller.metrics.prometheusRule.disabled={SealwayGone}"],
     "controller.metrics.prometheusRule.disabled: SealwayGone: there is no such alert"),
]


def _refusal_of(values):
    done = chart.try_render(*[word for value in values for word in ("--set", value)])
    return done.stderr if done.returncode != 0 else "it was rendered"


def wrong_values_are_refused_with_words_that_lead():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        said = list(pool.map(_refusal_of, [values for values, _ in REFUSED]))
    wrong = [f"{values}: not {wanted!r}, but\n    {words.strip()}"
             for (values, wanted), words in zip(REFUSED, said) if wanted not in words]
    assert not wrong, "\n".join(wrong)


def a_kubernetes_older_than_the_chart_is_for_is_refused():
    major, minor = map(int, chart.OLDEST.split("."))
    for kube in (f"{major}.{minor - 1}.99", f"v{major}.{minor - 1}.14-gke.1000"):
        done = chart.try_render(kube=kube)
        wanted = f"chart requires kubeVersion: >={chart.OLDEST}.0-0 which is incompatible with"
        assert done.returncode != 0 and wanted in done.stderr, done.stderr


def what_vendors_add_to_a_version_does_not_make_it_older():
    for suffix in (".0-gke.1000", ".0-rc.0", ".14+k3s1", ".9-eks-3abbec1"):
        done = chart.try_render(kube=f"v{chart.OLDEST}{suffix}")
        assert done.returncode == 0, done.stderr
