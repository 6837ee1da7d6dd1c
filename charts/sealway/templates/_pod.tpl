{{/* The pod, of the Deployment or the DaemonSet. */}}

{{/*
Whether a containerPort below 1024 is bound by some means: (list . means).  For `file` the port is no
matter: that program starts only where it may have its capability.
*/}}
{{- define "sealway.bindsLowBy" -}}
{{- $c := (index . 0).Values.controller -}}
{{- $isMeant := or (eq (index . 1) "file") (lt (int $c.containerPort.https) 1024) -}}
{{- if and $isMeant (eq ($c.lowPorts | default "sysctl") (index . 1)) }}true{{ end -}}
{{- end -}}

{{- define "sealway.podSecurityContext" -}}
{{- $c := .Values.controller -}}
{{- $context := deepCopy $c.podSecurityContext -}}
{{- $sysctls := deepCopy $c.sysctls -}}
{{- if include "sealway.bindsLowBy" (list . "sysctl") -}}
{{- $sysctls = merge $sysctls (dict "net.ipv4.ip_unprivileged_port_start" (toString (int $c.containerPort.https))) -}}
{{- end -}}
{{- if include "sealway.bindsLowBy" (list . "root") -}}
{{- $context = mergeOverwrite $context (dict "runAsNonRoot" false "runAsUser" 0 "runAsGroup" 0) -}}
{{- end -}}
{{- toYaml $context }}
{{- with $sysctls }}
sysctls:
  {{- range $name, $value := . }}
  - name: {{ $name }}
    value: {{ include "sealway.optionText" $value | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "sealway.containerSecurityContext" -}}
{{- $context := deepCopy .Values.controller.containerSecurityContext -}}
{{- if or (include "sealway.bindsLowBy" (list . "root")) (include "sealway.bindsLowBy" (list . "file")) -}}
{{- $context = mergeOverwrite $context (dict "capabilities" (dict "add" (list "NET_BIND_SERVICE"))) -}}
{{- end -}}
{{- toYaml $context -}}
{{- end -}}

{{/* A program with a file capability does not start where that may not be had. */}}
{{- define "sealway.testSecurityContext" -}}
{{- if include "sealway.bindsLowBy" (list . "file") -}}
{{- include "sealway.containerSecurityContext" . -}}
{{- else -}}
{{- toYaml .Values.controller.containerSecurityContext -}}
{{- end -}}
{{- end -}}

{{- define "sealway.affinity" -}}
{{- $c := .Values.controller -}}
{{- if $c.affinity }}
{{- toYaml $c.affinity }}
{{- else if and (eq $c.kind "Deployment") (ne $c.podAntiAffinity "none") }}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" (include "sealway.selectorLabels" . | fromYaml)) -}}
podAntiAffinity:
  {{- if eq $c.podAntiAffinity "hard" }}
  requiredDuringSchedulingIgnoredDuringExecution: {{- toYaml (list $term) | nindent 4 }}
  {{- else }}
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm: {{- toYaml $term | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Entries without a selector get that of this release. */}}
{{- define "sealway.spread" -}}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "sealway.selectorLabels" . | fromYaml)) -}}
{{- $entries := list -}}
{{- range .Values.controller.topologySpreadConstraints -}}
{{- $entries = append $entries (ternary . (merge (deepCopy .) $selector) (hasKey . "labelSelector")) -}}
{{- end -}}
{{- if and $entries (eq .Values.controller.kind "Deployment") }}{{ toYaml $entries }}{{ end -}}
{{- end -}}

{{- define "sealway.ports" -}}
{{- $c := .Values.controller -}}
- name: https
  containerPort: {{ $c.containerPort.https }}
  {{- if $c.hostPort.enabled }}
  hostPort: {{ $c.hostPort.ports.https }}
  {{- end }}
  protocol: TCP
- name: admin
  containerPort: {{ $c.metrics.port }}
  protocol: TCP
{{- end -}}

{{/* Failures until a pod counts as not ready.  /readyz fails from SIGTERM on, and kube-proxy leaves a pod
that stops the connections that still come only as long as it counts as ready (KEP-1669): which the
first failure and those after it may not end before drain-delay is over, and a second more. */}}
{{- define "sealway.readinessFailures" -}}
{{- $delay := include "sealway.optionOrDefault" (dict "root" . "name" "drain-delay") | include "sealway.seconds" -}}
{{- $period := int64 (.Values.controller.readinessProbe.periodSeconds | default 10) -}}
{{- add 1 (div (add $delay $period) $period) -}}
{{- end -}}

{{- define "sealway.readinessProbe" -}}
{{- with .Values.controller.readinessProbe -}}
{{- merge (deepCopy .) (dict "failureThreshold" (include "sealway.readinessFailures" $ | int64)) | toYaml -}}
{{- end -}}
{{- end -}}

{{- define "sealway.container" -}}
{{- $c := .Values.controller -}}
name: controller
image: {{ include "sealway.image" . | quote }}
imagePullPolicy: {{ $c.image.pullPolicy }}
args: {{- include "sealway.args" . | nindent 2 }}
env:
  - name: POD_NAME
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  {{- with $c.extraEnvs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports: {{- include "sealway.ports" . | nindent 2 }}
{{- range $probe := list "startupProbe" "livenessProbe" }}
{{- with get $c $probe }}
{{ $probe }}: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with include "sealway.readinessProbe" . }}
readinessProbe: {{- . | nindent 2 }}
{{- end }}
{{- with $c.resources }}
resources: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- include "sealway.containerSecurityContext" . | nindent 2 }}
{{- with $c.extraVolumeMounts }}
volumeMounts: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Without the chart's version, so that a new chart alone replaces no pod. */}}
{{- define "sealway.podMetadata" -}}
{{- $c := .Values.controller -}}
labels: {{- merge (include "sealway.selectorLabels" . | fromYaml) $c.podLabels .Values.commonLabels | toYaml | nindent 2 }}
{{- if or $c.podAnnotations $c.metrics.scrapeAnnotations }}
annotations:
  {{- if $c.metrics.scrapeAnnotations }}
  prometheus.io/scrape: "true"
  prometheus.io/port: {{ $c.metrics.port | quote }}
  prometheus.io/path: /metrics
  {{- end }}
  {{- with $c.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Where pods may be, which a list of names and their values says. */}}
{{- define "sealway.scheduling" -}}
{{- $c := .Values.controller -}}
{{- range $name := list "priorityClassName" "runtimeClassName" "schedulerName" }}
{{- with get $c $name }}
{{ $name }}: {{ . }}
{{- end }}
{{- end }}
{{- range $name := list "nodeSelector" "tolerations" }}
{{- with get $c $name }}
{{ $name }}: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with include "sealway.affinity" . }}
affinity: {{- . | nindent 2 }}
{{- end }}
{{- with include "sealway.spread" . }}
topologySpreadConstraints: {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "sealway.podSpec" -}}
{{- $c := .Values.controller -}}
serviceAccountName: {{ include "sealway.serviceAccountName" . }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
terminationGracePeriodSeconds: {{ include "sealway.gracePeriod" . }}
{{- if $c.hostNetwork }}
hostNetwork: true
{{- end }}
dnsPolicy: {{ $c.dnsPolicy }}
securityContext: {{- include "sealway.podSecurityContext" . | nindent 2 }}
{{- with $c.extraInitContainers }}
initContainers: {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - {{ include "sealway.container" . | indent 4 | trim }}
  {{- with $c.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $c.extraVolumes }}
volumes: {{- toYaml . | nindent 2 }}
{{- end }}
{{- include "sealway.scheduling" . }}
{{- end -}}

{{- define "sealway.template" -}}
{{- include "sealway.check" . -}}
metadata: {{- include "sealway.podMetadata" . | nindent 2 }}
spec: {{- include "sealway.podSpec" . | nindent 2 }}
{{- end -}}
