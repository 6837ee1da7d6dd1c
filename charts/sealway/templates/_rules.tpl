{{/* What is needed in each namespace that is watched. */}}
{{- define "sealway.rules" }}
  - apiGroups: [""]
    resources: [services]
    verbs: [list, watch]
  {{- if eq .Values.controller.endpointsApi "endpoints" }}
  - apiGroups: [""]
    resources: [endpoints]
    verbs: [list, watch]
  {{- else }}
  - apiGroups: [discovery.k8s.io]
    resources: [endpointslices]
    verbs: [list, watch]
  {{- end }}
  - apiGroups: [networking.k8s.io]
    resources: [ingresses]
    verbs: [list, watch]
  {{- if include "sealway.publishes" . }}
  - apiGroups: [networking.k8s.io]
    resources: [ingresses/status]
    verbs: [patch]
  {{- end }}
  {{- if include "sealway.writes" . }}
  - apiGroups: [events.k8s.io]
    resources: [events]
    verbs: [create, patch]
  {{- end }}
{{- end }}
