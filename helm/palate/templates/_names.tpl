{{/* Names and labels. */}}

{{- define "palate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "palate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := include "palate.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "palate.selector" -}}
app.kubernetes.io/name: {{ include "palate.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* Labels of an object; called with (dict "root" $ "component" "api"). */}}
{{- define "palate.labels" -}}
{{ include "palate.selector" .root }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: palate
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of a pod: those that do not change with every version. */}}
{{- define "palate.podLabels" -}}
{{ include "palate.selector" .root }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: palate
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "palate.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "palate.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/*
An image's name with the registry of global.imageRegistry before it, unless it names one itself;
called with (dict "root" $ "name" "paradedb/paradedb:18").
*/}}
{{- define "palate.fromRegistry" -}}
{{- $registry := dig "imageRegistry" "" (default dict .root.Values.global) -}}
{{- $first := first (splitList "/" .name) -}}
{{- $own := and (contains "/" .name) (or (contains "." $first) (contains ":" $first) (eq $first "localhost")) -}}
{{- if and $registry (not $own) -}}
{{- printf "%s/%s" (trimSuffix "/" $registry) .name -}}
{{- else -}}
{{- .name -}}
{{- end -}}
{{- end -}}

{{/* The image; called with (dict "root" $ "jobs" true). */}}
{{- define "palate.image" -}}
{{- $image := .root.Values.image -}}
{{- $name := include "palate.fromRegistry" (dict "root" .root "name" $image.repository) -}}
{{- $digest := ternary $image.jobsDigest $image.digest .jobs -}}
{{- if $digest -}}
{{- printf "%s@%s" $name $digest -}}
{{- else -}}
{{- printf "%s:%s%s" $name (default .root.Chart.AppVersion $image.tag) (ternary $image.jobsSuffix "" .jobs) -}}
{{- end -}}
{{- end -}}

{{/* A value as text. Numbers of values files are floats, and 2000000 would be written 2e+06. */}}
{{- define "palate.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}
{{- int64 . -}}
{{- else if or (kindIs "slice" .) (kindIs "map" .) -}}
{{- toJson . -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/* The port of an address, written or its scheme's own. */}}
{{- define "palate.portOf" -}}
{{- $address := urlParse . -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $address.host) -}}
{{- default (get (dict "http" "80" "postgresql" "5432") $address.scheme | default "443") $port -}}
{{- end -}}

{{- define "palate.inCluster" -}}
{{- if ne .Values.database.mode "external" }}true{{ end -}}
{{- end -}}

{{- define "palate.ownerSecret" -}}
{{- default (printf "%s-app" .Values.database.cluster) .Values.database.ownerSecret -}}
{{- end -}}

{{- define "palate.caSecret" -}}
{{- default (printf "%s-ca" .Values.database.cluster) .Values.database.caSecret -}}
{{- end -}}

{{- define "palate.objectStore" -}}
{{- default (printf "%s-backup" .Values.database.cluster) .Values.database.cnpg.backup.objectStore -}}
{{- end -}}
