{{/* Options of `sealway serve`.  options.yaml has all there are, made from its --help. */}}

{{/* A duration such as 5s in seconds, rounded up. */}}
{{- define "sealway.seconds" -}}
{{- $n := regexFind "^[0-9]+" . | int64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- if eq $unit "ms" }}{{ div (add $n 999) 1000 }}{{ else }}{{ mul $n (get (dict "s" 1 "m" 60 "h" 3600) $unit) }}{{ end -}}
{{- end -}}

{{/* A value as the option has it.  YAML takes on and off for true and false, and numbers for floats. */}}
{{- define "sealway.optionText" -}}
{{- if kindIs "bool" . }}{{ ternary "on" "off" . -}}
{{- else if kindIs "float64" . }}{{ int64 . -}}
{{- else if kindIs "slice" . }}{{ join "," . -}}
{{- else }}{{ . }}{{ end -}}
{{- end -}}

{{/* What is wrong with a value: (dict "takes" what --help says it takes, "text" the value). */}}
{{- define "sealway.optionFault" -}}
{{- $words := splitList "|" .takes -}}
{{- if has .text $words -}}
{{- else if has "DURATION" $words -}}
{{- if not (regexMatch "^[0-9]+(ms|s|m|h)$" .text) }}write a whole number and a unit: ms, s, m or h, e.g. 30s{{ end -}}
{{- else if has "SIZE" $words -}}
{{- if not (regexMatch "^[0-9]+(KiB|MiB)$" .text) }}write a whole number and a unit: KiB or MiB, e.g. 64KiB{{ end -}}
{{- else if has "N" $words -}}
{{- if not (regexMatch "^[0-9]+$" .text) }}write a whole number{{ with without $words "N" }}, or {{ join ", " . }}{{ end }}{{ end -}}
{{- else if eq .takes "" }}write true or false
{{- else if not (regexMatch "[A-Z]" .takes) }}it may be {{ without $words (last $words) | join ", " }} or {{ last $words }}
{{- end -}}
{{- end -}}

{{/* controller.config as arguments; the words of a fault begin with where it is. */}}
{{- define "sealway.configArgs" -}}
{{- $all := $.Files.Get "options.yaml" | fromYaml -}}
{{- range $name, $value := .Values.controller.config -}}
{{- $at := printf "controller.config.%s" $name -}}
{{- if not (hasKey $all $name) -}}
{{- fail (printf "%s: sealway serve has no such option; README.md of the chart lists those it has" $at) -}}
{{- end -}}
{{- $row := get $all $name -}}
{{- with $row.set }}{{ fail (printf "%s: set %s, which other objects go by too" $at .) }}{{ end -}}
{{- with $row.refused }}{{ fail (printf "%s: makes no sense in a pod: %s" $at .) }}{{ end -}}
{{- if kindIs "invalid" $value -}}
{{- else if and (kindIs "bool" $value) (eq $row.takes "") -}}
{{- if $value }}
- --{{ $name }}
{{- end -}}
{{- else -}}
{{- $text := include "sealway.optionText" $value -}}
{{- with include "sealway.optionFault" (dict "takes" $row.takes "text" $text) -}}
{{- fail (printf "%s: %s: %s" $at $text .) -}}
{{- end }}
- {{ printf "--%s=%s" $name $text | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* controller.extraArgs: a list repeats the option, an empty value leaves it bare. */}}
{{- define "sealway.extraArgs" -}}
{{- range $name, $value := .Values.controller.extraArgs -}}
{{- range $one := ternary $value (list $value) (kindIs "slice" $value) -}}
{{- $text := ternary "" (include "sealway.optionText" $one) (kindIs "invalid" $one) }}
- {{ ternary (printf "--%s=%s" $name $text) (printf "--%s" $name) (ne $text "") | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Classes that are served by their name. */}}
{{- define "sealway.classNames" -}}
{{- $c := .Values.controller -}}
{{- $own := ternary (prepend $c.ingressClassResource.aliases $c.ingressClassResource.name) list (or $c.ingressClassByName $c.scope.enabled) -}}
{{- concat $own $c.ingressClasses | uniq | join "," -}}
{{- end -}}

{{/* What an instance serves, and from where. */}}
{{- define "sealway.sourceArgs" -}}
{{- $c := .Values.controller -}}
- --controller-class={{ $c.ingressClassResource.controllerValue }}
{{- with include "sealway.classNames" . }}
- --ingress-class={{ . }}
{{- end }}
{{- if $c.watchIngressWithoutClass }}
- --ingress-without-class
{{- end }}
{{- with include "sealway.namespaces" . }}
- --watch-namespace={{ . }}
{{- end }}
{{- if ne $c.endpointsApi "auto" }}
- --endpoints-api={{ $c.endpointsApi }}
{{- end }}
{{- end -}}

{{- define "sealway.writeArgs" -}}
{{- $c := .Values.controller -}}
{{- $write := include "sealway.optionText" $c.write }}
{{- if ne $write "auto" }}
- --write={{ $write }}
{{- end }}
{{- if include "sealway.writes" . }}
- --election-lease={{ include "sealway.electionID" . }}
{{- with include "sealway.publishedService" . }}
- --publish-service={{ . }}
{{- end }}
{{- with $c.publishAddresses }}
- {{ join "," . | printf "--publish-address=%s" | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Nothing where the program's own defaults do, which know whether there is IPv6. */}}
{{- define "sealway.portArgs" -}}
{{- $c := .Values.controller -}}
{{- $address := $c.bindAddress | default "[::]" -}}
{{- if or $c.bindAddress (ne (int $c.containerPort.https) 8443) }}
- {{ printf "--listen=%s:%d" $address (int $c.containerPort.https) | quote }}
{{- end }}
{{- if or $c.bindAddress (ne (int $c.metrics.port) 10254) }}
- {{ printf "--admin=%s:%d" $address (int $c.metrics.port) | quote }}
{{- end }}
{{- end -}}

{{- define "sealway.args" -}}
- serve
{{ include "sealway.sourceArgs" . }}
{{- include "sealway.writeArgs" . }}
{{- include "sealway.portArgs" . }}
{{- include "sealway.configArgs" . }}
{{- include "sealway.extraArgs" . }}
{{- end -}}

{{/* An option's value by controller.config, or the program's. */}}
{{- define "sealway.optionOrDefault" -}}
{{- $all := $.root.Files.Get "options.yaml" | fromYaml -}}
{{- get $.root.Values.controller.config .name | default (get (get $all .name) "default") -}}
{{- end -}}

{{/* The drain, the second it takes to serve what is queued, and some for the end. */}}
{{- define "sealway.gracePeriod" -}}
{{- $delay := include "sealway.optionOrDefault" (dict "root" . "name" "drain-delay") -}}
{{- $timeout := include "sealway.optionOrDefault" (dict "root" . "name" "drain-timeout") -}}
{{- $drain := add (include "sealway.seconds" $delay) (include "sealway.seconds" $timeout) 1 -}}
{{- $given := .Values.controller.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $given -}}
{{- add $drain 9 -}}
{{- else if le (int64 $given) $drain -}}
{{- fail (printf "controller.terminationGracePeriodSeconds: %d: connections would be cut after it, while drain-delay %s and drain-timeout %s promise more; leave it empty, or lower controller.config.drain-timeout" (int64 $given) $delay $timeout) -}}
{{- else }}{{ int64 $given }}{{ end -}}
{{- end -}}
