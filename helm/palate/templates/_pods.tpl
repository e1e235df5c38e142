{{/* Parts of pods: security, environment, volumes, containers. */}}

{{/* What every pod of Palate has; called with (dict "root" $ "part" .Values.api). */}}
{{- define "palate.pod" -}}
{{- $values := .root.Values -}}
serviceAccountName: {{ include "palate.serviceAccount" .root | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with include "palate.pullSecrets" .root }}
{{ . }}
{{- end }}
{{- with .part.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .part.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- with $values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- range $name := list "dnsConfig" "hostAliases" }}
{{- with index $values $name }}
{{ $name }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
securityContext:
  {{- toYaml $values.podSecurityContext | nindent 2 }}
{{- range $name := list "nodeSelector" "affinity" "tolerations" }}
{{- with index $.part $name }}
{{ $name }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
How to reach the database; called with (dict "root" $ "role" "app" or "owner").
The address names no login: libpq takes it from PGUSER and PGPASSWORD, so that a password may hold
any character. Without a Secret of its own, the API logs in as the owner and takes its role.
*/}}
{{- define "palate.databaseEnv" -}}
{{- $database := .root.Values.database -}}
{{- if eq $database.mode "external" -}}
- name: PALATE_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ $database.external.existingSecret | quote }}
      key: {{ ternary "owner-url" "url" (eq .role "owner") }}
{{- else -}}
{{- $secret := include "palate.ownerSecret" .root -}}
{{- if and (eq .role "app") $database.appSecret -}}
{{- $secret = $database.appSecret -}}
{{- end -}}
- name: PALATE_DATABASE_URL
  value: {{ printf "postgresql://%s:5432/%s" (include "palate.databaseHost" .) $database.name | quote }}
- name: PGUSER
  valueFrom:
    secretKeyRef:
      name: {{ $secret | quote }}
      key: username
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ $secret | quote }}
      key: password
{{- if and (eq .role "app") (not $database.appSecret) }}
- name: PGOPTIONS
  value: "-c role=palate_app"
{{- end }}
- name: PGSSLMODE
  value: {{ $database.sslMode }}
{{- if hasPrefix "verify-" $database.sslMode }}
- name: PGSSLROOTCERT
  value: /etc/palate/database/ca.crt
{{- end }}
{{- end -}}
{{- end -}}

{{/* The Service of the database: the API asks the pooler, where there is one. */}}
{{- define "palate.databaseHost" -}}
{{- $database := .root.Values.database -}}
{{- $pooled := and (eq .role "app") (include "palate.pooled" .root) -}}
{{- printf "%s-%s" $database.cluster (ternary "pooler" "rw" (not (not $pooled))) -}}
{{- end -}}

{{- define "palate.pooled" -}}
{{- if and (eq .Values.database.mode "cnpg") .Values.database.cnpg.pooler.enabled }}true{{ end -}}
{{- end -}}

{{/* The settings of every pod, as variables. */}}
{{- define "palate.settings" -}}
HOME: /tmp
PALATE_DATA_DIR: /tmp/palate
PALATE_HOST: {{ .Values.api.host | quote }}
PALATE_PORT: "8080"
PALATE_LOG_FORMAT: json
{{- if or .Values.ingress.enabled .Values.httpRoute.enabled }}
# Whether a browser came by https says the ingress: it is alone before the pods.
FORWARDED_ALLOW_IPS: "*"
{{- end }}
PALATE_POOL_SIZE: {{ .Values.api.poolSize | quote }}
PALATE_SHUTDOWN_TIMEOUT: {{ .Values.api.shutdownTimeout | quote }}
{{- if .Values.api.semantic }}
PALATE_PRELOAD_ENCODER: "true"
{{- end }}
{{- if .Values.llm.enabled }}
{{- range $name := list "provider" "url" "model" }}
{{- with index $.Values.llm $name }}
PALATE_LLM_{{ upper $name }}: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $value := .Values.api.config }}
PALATE_{{ upper $name }}: {{ include "palate.text" $value | quote }}
{{- end }}
{{- end -}}

{{- define "palate.llmEnv" -}}
{{- if and .Values.llm.enabled .Values.llm.existingSecret -}}
- name: PALATE_LLM_API_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .Values.llm.existingSecret | quote }}
      key: api-key
{{- end -}}
{{- end -}}

{{- define "palate.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- if and (include "palate.inCluster" .) (hasPrefix "verify-" .Values.database.sslMode) }}
- name: database-ca
  mountPath: /etc/palate/database
  readOnly: true
{{- end }}
{{- end -}}

{{- define "palate.caVolume" -}}
{{- if and (include "palate.inCluster" .) (hasPrefix "verify-" .Values.database.sslMode) -}}
- name: database-ca
  secret:
    secretName: {{ include "palate.caSecret" . | quote }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end -}}
{{- end -}}

{{- define "palate.pullSecrets" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/*
Waits for the database and brings its schema up. Many may: one works, the others wait. After a
rollback a newer schema is left as it is.
*/}}
{{- define "palate.migrate" -}}
- name: migrate
  image: {{ include "palate.image" (dict "root" .root "jobs" .jobs) | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: [palate]
  args: [db, migrate, --allow-newer, --wait, "600"]
  env:
    {{- include "palate.databaseEnv" (dict "root" .root "role" "owner") | nindent 4 }}
  envFrom:
    - configMapRef:
        name: {{ include "palate.fullname" .root | quote }}
  resources:
    requests: {cpu: 100m, memory: 128Mi}
    limits: {cpu: "1", memory: 256Mi}
  securityContext:
    {{- toYaml .root.Values.containerSecurityContext | nindent 4 }}
  volumeMounts:
    {{- include "palate.mounts" .root | nindent 4 }}
{{- end -}}
