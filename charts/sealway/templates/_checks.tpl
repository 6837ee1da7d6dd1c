{{/* Values that are wrong or contradict each other, as far as no schema can say it. */}}
{{- define "sealway.check" -}}
{{- $c := .Values.controller -}}
{{- $_ := include "sealway.configArgs" . -}}
{{- if and $c.publishService.pathOverride $c.publishAddresses -}}
{{- fail "controller.publishAddresses: takes the place of controller.publishService.pathOverride; leave one of them empty" -}}
{{- end -}}
{{- if and $c.hostNetwork $c.hostPort.enabled (ne (int $c.hostPort.ports.https) (int $c.containerPort.https)) -}}
{{- fail (printf "controller.hostPort.ports.https: %d: with hostNetwork the port of the node is controller.containerPort.https, %d; leave hostPort out, or make them equal" (int $c.hostPort.ports.https) (int $c.containerPort.https)) -}}
{{- end -}}
{{- if eq (int $c.containerPort.https) (int $c.metrics.port) -}}
{{- fail (printf "controller.metrics.port: %d: controller.containerPort.https has that port; choose another one" (int $c.metrics.port)) -}}
{{- end -}}
{{- if and (lt (int $c.containerPort.https) 1024) $c.hostNetwork (not (has $c.lowPorts (list "node" "file" "root"))) -}}
{{- fail (printf "controller.lowPorts: say how a process that is not root may bind port %d of the node: node (the nodes' net.ipv4.ip_unprivileged_port_start allows it), file (the image's program has the file capability) or root (uid 0 with NET_BIND_SERVICE alone); or leave containerPort.https as it is and use hostPort instead of hostNetwork" (int $c.containerPort.https)) -}}
{{- end -}}
{{- if and $c.autoscaling.enabled (ne $c.kind "Deployment") -}}
{{- fail "controller.autoscaling.enabled: a DaemonSet has a pod on each node; set controller.kind to Deployment" -}}
{{- end -}}
{{- if and $c.autoscaling.enabled (gt (int $c.autoscaling.minReplicas) (int $c.autoscaling.maxReplicas)) -}}
{{- fail (printf "controller.autoscaling.maxReplicas: %d: less than minReplicas, %d" (int $c.autoscaling.maxReplicas) (int $c.autoscaling.minReplicas)) -}}
{{- end -}}
{{- if and $c.autoscaling.enabled (not (or $c.autoscaling.targetCPUUtilizationPercentage $c.autoscaling.targetMemoryUtilizationPercentage $c.autoscaling.metrics)) -}}
{{- fail "controller.autoscaling: there is nothing to go by; set targetCPUUtilizationPercentage, targetMemoryUtilizationPercentage or metrics" -}}
{{- end -}}
{{- with $c.readinessProbe -}}
{{- $wanted := include "sealway.readinessFailures" $ | int64 -}}
{{- if lt (int64 (.failureThreshold | default $wanted)) $wanted -}}
{{- fail (printf "controller.readinessProbe.failureThreshold: %d: a pod that stops would get no connections before drain-delay is over, and nodes without another one would drop them; leave it out, or set at least %d" (int64 .failureThreshold) $wanted) -}}
{{- end -}}
{{- end -}}
{{- range $at, $labels := dict "commonLabels" .Values.commonLabels "controller.podLabels" $c.podLabels "controller.metrics.service.labels" $c.metrics.service.labels -}}
{{- range $name := list "name" "instance" "component" -}}
{{- if hasKey $labels (printf "app.kubernetes.io/%s" $name) -}}
{{- fail (printf "%s: app.kubernetes.io/%s: Services and the Deployment find pods by it; choose another label, or set nameOverride" $at $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (get $c.config "ingress-class-only") (not (include "sealway.classNames" .)) -}}
{{- fail "controller.config.ingress-class-only: nothing would be served; set controller.ingressClassByName, or name classes in controller.ingressClasses" -}}
{{- end -}}
{{- if and (get $c.config "ingress-class-only") $c.watchIngressWithoutClass -}}
{{- fail "controller.watchIngressWithoutClass: contradicts controller.config.ingress-class-only; leave one out" -}}
{{- end -}}
{{- end -}}
