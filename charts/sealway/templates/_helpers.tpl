{{/* Names, labels and what several objects have in common. */}}

{{- define "sealway.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 63 less the longest suffix. */}}
{{- define "sealway.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $full | trunc 54 | trimSuffix "-" -}}
{{- end -}}

{{- define "sealway.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{/* Cluster-scoped names carry the namespace, so that releases of one name do not collide.  Neither
part can have a colon, so no two pairs make one name. */}}
{{- define "sealway.clusterName" -}}
{{- printf "%s:%s" (include "sealway.namespace" .) (include "sealway.fullname" .) -}}
{{- end -}}

{{- define "sealway.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "sealway.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "sealway.electionID" -}}
{{- .Values.controller.electionID | default (printf "%s-leader" (include "sealway.fullname" .)) -}}
{{- end -}}

{{/* What selectors go by, which cannot be changed later. */}}
{{- define "sealway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sealway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "sealway.ownLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "sealway.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ include "sealway.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "sealway.labels" -}}
{{- mergeOverwrite (include "sealway.ownLabels" . | fromYaml) .Values.commonLabels | toYaml -}}
{{- end -}}

{{/* The metadata of an object: (list . suffix of its name, annotations, labels, namespace). */}}
{{- define "sealway.metadata" -}}
{{- $ := index . 0 -}}
name: {{ include "sealway.fullname" $ }}{{ index . 1 }}
namespace: {{ index . 4 | default (include "sealway.namespace" $) }}
labels: {{- mergeOverwrite (include "sealway.labels" $ | fromYaml) (index . 3 | default dict) | toYaml | nindent 2 }}
{{- with index . 2 }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The namespaces watched; none: all. */}}
{{- define "sealway.namespaces" -}}
{{- if .Values.controller.scope.enabled -}}
{{- .Values.controller.scope.namespaces | default (list (include "sealway.namespace" .)) | uniq | join "," -}}
{{- end -}}
{{- end -}}

{{/* Whether anything is written: YAML takes off for false. */}}
{{- define "sealway.writes" -}}
{{- if ne (include "sealway.optionText" .Values.controller.write) "off" }}true{{ end -}}
{{- end -}}

{{/* The Service whose addresses are published; none where its namespace is not watched. */}}
{{- define "sealway.publishedService" -}}
{{- $c := .Values.controller -}}
{{- if and $c.publishService.enabled (include "sealway.writes" .) (not $c.publishAddresses) -}}
{{- $own := ternary (printf "%s/%s" (include "sealway.namespace" .) (include "sealway.fullname" .)) "" $c.service.enabled -}}
{{- $service := $c.publishService.pathOverride | default $own -}}
{{- $watched := include "sealway.namespaces" . -}}
{{- if or (not $watched) (has (splitList "/" $service | first) (splitList "," $watched)) -}}
{{- $service -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Whether the status of Ingresses is written. */}}
{{- define "sealway.publishes" -}}
{{- if and (include "sealway.writes" .) (or .Values.controller.publishAddresses (include "sealway.publishedService" .)) }}true{{ end -}}
{{- end -}}

{{- define "sealway.image" -}}
{{- with .Values.controller.image -}}
{{- with .registry }}{{ . }}/{{ end -}}
{{- .repository -}}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* Whether there may be more than one pod. */}}
{{- define "sealway.hasReplicas" -}}
{{- with .Values.controller -}}
{{- if and (eq .kind "Deployment") (gt (int (ternary .autoscaling.minReplicas .replicaCount .autoscaling.enabled)) 1) }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* Whether pods hold ports of their nodes, so that a node has room for one. */}}
{{- define "sealway.holdsNodePorts" -}}
{{- if or .Values.controller.hostNetwork .Values.controller.hostPort.enabled }}true{{ end -}}
{{- end -}}

{{/* Whether a new pod may find no node before an old one is gone. */}}
{{- define "sealway.onePerNode" -}}
{{- $c := .Values.controller -}}
{{- $apart := and (eq $c.kind "Deployment") (eq $c.podAntiAffinity "hard") (not $c.affinity) -}}
{{- if or (include "sealway.holdsNodePorts" .) $apart }}true{{ end -}}
{{- end -}}

{{/* Whether `helm test` has a pod to start.  Its first container has to go on beside the other, which
initContainers do from 1.29 on; before, the pod would never end. */}}
{{- define "sealway.hasTest" -}}
{{- if and .Values.test.enabled (semverCompare ">=1.29-0" .Capabilities.KubeVersion.Version) }}true{{ end -}}
{{- end -}}
