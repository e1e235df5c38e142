{{/*
A Job, or with a schedule a CronJob. Called with a dict:
  root, name; jobs: the image with the extras; steps: list of (dict "name" "args"), the last one is
  the job, those before are init containers; resources; schedule; volumes and mounts (lists).
A Job's name ends with a hash of what it does: a pod template cannot be changed in place.
*/}}
{{- define "palate.work" -}}
{{- $spec := include "palate.workSpec" . -}}
{{- $name := printf "%s-%s" (include "palate.fullname" .root) .name -}}
{{- if .schedule -}}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ $name }}
  labels:
    {{- include "palate.labels" (dict "root" .root "component" .name) | nindent 4 }}
spec:
  schedule: {{ .schedule | quote }}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 300
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    metadata:
      labels:
        {{- include "palate.podLabels" (dict "root" .root "component" .name) | nindent 8 }}
    spec:
      {{- $spec | nindent 6 }}
{{- else -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name }}-{{ $spec | sha256sum | trunc 8 }}
  labels:
    {{- include "palate.labels" (dict "root" .root "component" .name) | nindent 4 }}
spec:
  {{- $spec | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "palate.workSpec" -}}
{{- $root := .root -}}
{{- $jobs := $root.Values.jobs -}}
backoffLimit: {{ int64 $jobs.backoffLimit }}
ttlSecondsAfterFinished: {{ int64 $jobs.ttlSecondsAfterFinished }}
template:
  metadata:
    labels:
      {{- include "palate.podLabels" (dict "root" $root "component" .name) | nindent 6 }}
  spec:
    # In place: what a step already wrote to its working folder is there when it is tried again.
    restartPolicy: OnFailure
    serviceAccountName: {{ include "palate.serviceAccount" $root | quote }}
    automountServiceAccountToken: false
    enableServiceLinks: false
    {{- with include "palate.pullSecrets" $root }}{{ . | nindent 4 }}{{- end }}
    securityContext:
      {{- include "palate.podSecurity" $root | nindent 6 }}
    initContainers:
      {{- include "palate.migrate" (dict "root" $root "jobs" .jobs) | nindent 6 }}
      {{- range initial .steps }}
      {{- include "palate.step" (dict "work" $ "step" .) | nindent 6 }}
      {{- end }}
    containers:
      {{- include "palate.step" (dict "work" . "step" (last .steps)) | nindent 6 }}
    {{- with $jobs.nodeSelector }}
    nodeSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $jobs.tolerations }}
    tolerations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumes:
      - name: tmp
        emptyDir:
          sizeLimit: {{ $jobs.workSize }}
      {{- with include "palate.caVolume" $root }}{{ . | nindent 6 }}{{- end }}
      {{- with .volumes }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
{{- end -}}

{{- define "palate.step" -}}
{{- $work := .work -}}
{{- $root := $work.root -}}
- name: {{ .step.name }}
  image: {{ include "palate.image" (dict "root" $root "jobs" $work.jobs) }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  command: [{{ default "palate" .step.command }}]
  args:
    {{- toYaml .step.args | nindent 4 }}
  workingDir: /tmp
  env:
    {{- include "palate.databaseEnv" (dict "root" $root "role" "owner") | nindent 4 }}
    {{- with include "palate.llmEnv" $root }}
    {{- . | nindent 4 }}
    {{- end }}
  envFrom:
    - configMapRef:
        name: {{ include "palate.fullname" $root }}
  resources:
    {{- toYaml $work.resources | nindent 4 }}
  securityContext:
    {{- include "palate.containerSecurity" $root | nindent 4 }}
  volumeMounts:
    {{- include "palate.mounts" $root | nindent 4 }}
    {{- with $work.mounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
