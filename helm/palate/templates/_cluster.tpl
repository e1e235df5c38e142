{{/* Parts of the database cluster. */}}

{{/* A quantity of memory in MiB; its units are those of the schema. */}}
{{- define "palate.mebibytes" -}}
{{- $text := toString . -}}
{{- $unit := regexFind "[A-Za-z]+$" $text -}}
{{- mulf (trimSuffix $unit $text | float64) (get (dict "Mi" 1.0 "Gi" 1024.0 "Ti" 1048576.0) $unit) | floor | int -}}
{{- end -}}

{{/*
PostgreSQL's settings: memory in proportion to the limit, connections for every API pod's pool, the
jobs and people. shared_buffers fits the request too: the operator refuses more. jit and costs as
Palate measured them on solid-state disks.
*/}}
{{- define "palate.parameters" -}}
{{- $memory := include "palate.mebibytes" (dig "limits" "memory" "2Gi" .Values.database.cnpg.resources) | int -}}
{{- $request := dig "requests" "memory" "" .Values.database.cnpg.resources -}}
{{- $buffers := div $memory 4 -}}
{{- if $request -}}
{{- $buffers = min $buffers (include "palate.mebibytes" $request | int) -}}
{{- end -}}
{{- $pods := .Values.api.replicas -}}
{{- if .Values.autoscaling.enabled -}}
{{- $pods = .Values.autoscaling.maxReplicas -}}
{{- end -}}
{{- $connections := max 100 (add (mul (add $pods 1) .Values.api.poolSize) 40) -}}
{{- $computed := dict
  "shared_buffers" (printf "%dMB" $buffers)
  "effective_cache_size" (printf "%dMB" (div (mul $memory 7) 10))
  "maintenance_work_mem" (printf "%dMB" (min 1024 (max 64 (div $memory 16))))
  "work_mem" (printf "%dMB" (max 4 (div $memory 256)))
  "max_connections" (toString $connections)
  "random_page_cost" "1.1"
  "jit" "off"
-}}
{{- toYaml (merge (deepCopy .Values.database.cnpg.parameters) $computed) -}}
{{- end -}}

{{/* A role with a password where it has a Secret, else one that others take. */}}
{{- define "palate.login" -}}
{{- if . -}}
login: true
passwordSecret:
  name: {{ . | quote }}
{{- else -}}
login: false
{{- end -}}
{{- end -}}

{{- define "palate.bootstrap" -}}
{{- $database := .Values.database -}}
{{- if $database.cnpg.recovery.enabled -}}
recovery:
  source: origin
  database: {{ $database.name }}
  owner: palate_owner
  {{- with $database.ownerSecret }}
  secret:
    name: {{ . | quote }}
  {{- end }}
  {{- with $database.cnpg.recovery.targetTime }}
  recoveryTarget:
    targetTime: {{ . | quote }}
  {{- end }}
{{- else -}}
initdb:
  database: {{ $database.name }}
  owner: palate_owner
  {{- with $database.ownerSecret }}
  secret:
    name: {{ . | quote }}
  {{- end }}
  dataChecksums: true
  encoding: UTF8
  localeCollate: C.UTF-8
  localeCType: C.UTF-8
  # As superuser, once: what the owner may not do itself.
  postInitApplicationSQL:
    - CREATE EXTENSION IF NOT EXISTS vector
    - CREATE EXTENSION IF NOT EXISTS pg_search
    - CREATE ROLE palate_app NOLOGIN
    - CREATE ROLE palate_read NOLOGIN
    - GRANT palate_app, palate_read TO palate_owner
{{- end -}}
{{- end -}}
