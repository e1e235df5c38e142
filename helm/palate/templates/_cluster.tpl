{{/* Parts of the database cluster. */}}

{{/* A quantity of memory in MiB; its units are those of the schema. */}}
{{- define "palate.mebibytes" -}}
{{- $text := toString . -}}
{{- $unit := regexFind "[A-Za-z]+$" $text -}}
{{- mulf (trimSuffix $unit $text | float64) (get (dict "Mi" 1.0 "Gi" 1024.0 "Ti" 1048576.0) $unit) | floor | int -}}
{{- end -}}

{{/* CPU in thousandths. */}}
{{- define "palate.millicores" -}}
{{- $text := toString . -}}
{{- if hasSuffix "m" $text }}{{ trimSuffix "m" $text | float64 | floor | int }}{{ else }}{{ mulf ($text | float64) 1000.0 | floor | int }}{{ end -}}
{{- end -}}

{{/* Fails where a request is above its limit; called with (list "api.resources" .Values.api.resources). */}}
{{- define "palate.fits" -}}
{{- $where := index . 0 -}}
{{- $requests := default dict (index . 1).requests -}}
{{- $limits := default dict (index . 1).limits -}}
{{- range $name, $measure := dict "cpu" "palate.millicores" "memory" "palate.mebibytes" "ephemeral-storage" "palate.mebibytes" -}}
{{- if and (hasKey $requests $name) (hasKey $limits $name) -}}
{{- if gt (include $measure (index $requests $name) | int) (include $measure (index $limits $name) | int) -}}
{{- fail (printf "%s: the request of %s, %v, is above its limit, %v. Nothing was installed." $where $name (index $requests $name) (index $limits $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $amount := $requests -}}
{{- if and (contains "/" $name) (ne (toString $amount) (toString (default "no" (index $limits $name)))) -}}
{{- fail (printf "%s: of %s, a device, the request is what the limit is. Nothing was installed. Give the limit only." $where $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The cluster as it is now, as JSON; empty where there is none or nobody to ask. */}}
{{- define "palate.living" -}}
{{- if .Capabilities.APIVersions.Has "postgresql.cnpg.io/v1/Cluster" -}}
{{- toJson (default dict (lookup "postgresql.cnpg.io/v1" "Cluster" .Release.Namespace .Values.database.cluster)) -}}
{{- else -}}
{}
{{- end -}}
{{- end -}}

{{/* Fails where a living cluster would have to become what it cannot. */}}
{{- define "palate.mayBecome" -}}
{{- $cnpg := .cnpg -}}
{{- $spec := default dict .living.spec -}}
{{- $said := printf "cannot change on the cluster %s. Nothing was changed. Set it back, or make another cluster: docs/kubernetes.md, Backups and the drill." .cluster -}}
{{- with default (dig "bootstrap" "recovery" "database" "" $spec) (dig "bootstrap" "initdb" "database" "" $spec) -}}
{{- if ne . $.name -}}
{{- fail (printf "database.name: %s, which was made with it, %s" . $said) -}}
{{- end -}}
{{- end -}}
{{- range $volume := list "storage" "walStorage" -}}
{{- with index $spec $volume -}}
{{- $wanted := index $cnpg $volume -}}
{{- if ne (default "" .storageClass) $wanted.storageClass -}}
{{- fail (printf "database.cnpg.%s.storageClass: %q %s" $volume (default "" .storageClass) $said) -}}
{{- end -}}
{{- if not $wanted.size -}}
{{- fail (printf "database.cnpg.%s.size: a volume that is there %s" $volume $said) -}}
{{- end -}}
{{- if regexMatch "^[0-9.]+(Mi|Gi|Ti)$" .size -}}
{{- if lt (include "palate.mebibytes" $wanted.size | int) (include "palate.mebibytes" .size | int) -}}
{{- fail (printf "database.cnpg.%s.size: the volume has %s already and never shrinks. Nothing was changed. Set it to that or more." $volume .size) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name := list "postgresUID" "postgresGID" -}}
{{- if and (hasKey $spec $name) (ne (index $spec $name | int) (index $cnpg $name | int)) -}}
{{- fail (printf "database.cnpg.%s: %v %s" $name (index $spec $name) $said) -}}
{{- end -}}
{{- end -}}
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
{{- /* Once for both: turning autoscaling on or off does not start the server again. */ -}}
{{- $pods := max .Values.api.replicas .Values.autoscaling.maxReplicas -}}
{{- $connections := max 100 (add (mul (add $pods 1) .Values.api.poolSize) 40) -}}
{{- if include "palate.pooled" . -}}
{{- $connections = max 100 (add (mul .Values.database.cnpg.pooler.instances .Values.database.cnpg.pooler.poolSize) 40) -}}
{{- end -}}
{{- $computed := dict
  "shared_buffers" (printf "%dMB" $buffers)
  "effective_cache_size" (printf "%dMB" (div (mul $memory 7) 10))
  "maintenance_work_mem" (printf "%dMB" (min 1024 (max 64 (div $memory 16))))
  "work_mem" (printf "%dMB" (max 4 (div $memory 256)))
  "max_connections" (toString $connections)
  "random_page_cost" "1.1"
  "jit" "off"
-}}
{{- toYaml (merge (deepCopy (default dict .Values.database.cnpg.parameters)) $computed) -}}
{{- end -}}

{{/*
A role with a password where it has a Secret, else one that others take. What the operator would
fill in is written out: else it owns these fields, and a server-side apply conflicts with it.
*/}}
{{- define "palate.login" -}}
connectionLimit: -1
inherit: true
{{ if . -}}
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
  {{- if $database.cnpg.recovery.volumeSnapshot }}
  volumeSnapshots:
    storage:
      {{- include "palate.snapshot" $database.cnpg.recovery.volumeSnapshot | nindent 6 }}
    {{- with $database.cnpg.recovery.walVolumeSnapshot }}
    walStorage:
      {{- include "palate.snapshot" . | nindent 6 }}
    {{- end }}
  {{- end }}
  {{- if $database.cnpg.recovery.serverName }}
  source: origin
  {{- end }}
  database: {{ $database.name | quote }}
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
  database: {{ $database.name | quote }}
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

{{- define "palate.snapshot" -}}
name: {{ . | quote }}
kind: VolumeSnapshot
apiGroup: snapshot.storage.k8s.io
{{- end -}}

{{/*
How barman reaches the store, by its address. With a Secret: S3 wants ACCESS_KEY_ID and
ACCESS_SECRET_KEY, Google Cloud a gcsCredentials, Azure an AZURE_STORAGE_ACCOUNT with the key, the SAS
token or the connection string, as `azure.secretHolds` says. Without one: the pod's own identity.
*/}}
{{- define "palate.storeCredentials" -}}
{{- $backup := .Values.database.cnpg.backup -}}
{{- $secret := $backup.credentialsSecret -}}
{{- if hasPrefix "s3://" $backup.destinationPath -}}
s3Credentials:
  {{- if $secret }}
  {{- include "palate.keyOf" (list "accessKeyId" $secret "ACCESS_KEY_ID") | nindent 2 }}
  {{- include "palate.keyOf" (list "secretAccessKey" $secret "ACCESS_SECRET_KEY") | nindent 2 }}
  {{- if $backup.s3.sessionToken }}
  {{- include "palate.keyOf" (list "sessionToken" $secret "ACCESS_SESSION_TOKEN") | nindent 2 }}
  {{- end }}
  {{- else }}
  inheritFromIAMRole: true
  {{- end }}
  {{- if $backup.s3.regionSecret }}
  {{- include "palate.keyOf" (list "region" $backup.s3.regionSecret "AWS_REGION") | nindent 2 }}
  {{- end }}
{{- else if hasPrefix "gs://" $backup.destinationPath -}}
googleCredentials:
  {{- if $secret }}
  {{- include "palate.keyOf" (list "applicationCredentials" $secret "gcsCredentials") | nindent 2 }}
  {{- else }}
  gkeEnvironment: true
  {{- end }}
{{- else -}}
azureCredentials:
  {{- if not $secret }}
  inheritFromAzureAD: true
  {{- else if eq $backup.azure.secretHolds "connectionString" }}
  {{- include "palate.keyOf" (list "connectionString" $secret "AZURE_CONNECTION_STRING") | nindent 2 }}
  {{- else }}
  {{- include "palate.keyOf" (list "storageAccount" $secret "AZURE_STORAGE_ACCOUNT") | nindent 2 }}
  {{- if eq $backup.azure.secretHolds "sasToken" }}
  {{- include "palate.keyOf" (list "storageSasToken" $secret "AZURE_STORAGE_SAS_TOKEN") | nindent 2 }}
  {{- else }}
  {{- include "palate.keyOf" (list "storageKey" $secret "AZURE_STORAGE_KEY") | nindent 2 }}
  {{- end }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "palate.keyOf" -}}
{{ index . 0 }}:
  name: {{ index . 1 | quote }}
  key: {{ index . 2 }}
{{- end -}}
