{{/*
The pod of a job. Called with a dict:
  root, name; jobs: the image with the extras; steps: list of (dict "name" "args"), the last one is
  the job, those before are init containers; resources; volumes and mounts (lists).
*/}}
{{- define "palate.workSpec" -}}
{{- $root := .root -}}
{{- $jobs := $root.Values.jobs -}}
backoffLimit: {{ int64 $jobs.backoffLimit }}
ttlSecondsAfterFinished: {{ int64 $jobs.ttlSecondsAfterFinished }}
{{- with $jobs.activeDeadlineSeconds }}
activeDeadlineSeconds: {{ int64 . }}
{{- end }}
template:
  metadata:
    labels:
      {{- include "palate.podLabels" (dict "root" $root "component" .name) | nindent 6 }}
      {{- with $jobs.podLabels }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with $jobs.podAnnotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    # In place: what a step already wrote to its working folder is there when it is tried again.
    restartPolicy: OnFailure
    {{- include "palate.pod" (dict "root" $root "part" $jobs) | nindent 4 }}
    initContainers:
      {{- include "palate.migrate" (dict "root" $root "jobs" .jobs) | nindent 6 }}
      {{- range initial .steps }}
      {{- include "palate.step" (dict "work" $ "step" .) | nindent 6 }}
      {{- end }}
    containers:
      {{- include "palate.step" (dict "work" . "step" (last .steps)) | nindent 6 }}
    volumes:
      - name: tmp
        emptyDir:
          sizeLimit: {{ $jobs.workSize }}
      {{- with include "palate.caVolume" $root }}{{ . | nindent 6 }}{{- end }}
      {{- with concat (default list .volumes) (default list $jobs.extraVolumes) }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
{{- end -}}

{{/*
A CronJob of that pod: what it says may change, as a Job's may not. Without a schedule it is
suspended, and a Job is made from it: by `palate k8s load NAME` or `kubectl create job --from`.
*/}}
{{- define "palate.work" -}}
{{- $jobs := .root.Values.jobs -}}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ printf "%s-%s" (include "palate.fullname" .root) .name | quote }}
  labels:
    {{- include "palate.labels" (dict "root" .root "component" .name) | nindent 4 }}
spec:
  schedule: {{ default "0 0 1 1 *" .schedule | quote }}
  {{- with $jobs.timeZone }}
  timeZone: {{ . | quote }}
  {{- end }}
  suspend: {{ or $jobs.suspend (not .schedule) }}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 300
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    metadata:
      labels:
        {{- include "palate.podLabels" (dict "root" .root "component" .name) | nindent 8 }}
    spec:
      {{- include "palate.workSpec" . | nindent 6 }}
{{- end -}}

{{- define "palate.step" -}}
{{- $work := .work -}}
{{- $root := $work.root -}}
- name: {{ .step.name }}
  image: {{ include "palate.image" (dict "root" $root "jobs" $work.jobs) | quote }}
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
    {{- with $root.Values.jobs.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  envFrom:
    - configMapRef:
        name: {{ include "palate.fullname" $root | quote }}
  resources:
    {{- toYaml $work.resources | nindent 4 }}
  securityContext:
    {{- toYaml $root.Values.containerSecurityContext | nindent 4 }}
  volumeMounts:
    {{- include "palate.mounts" $root | nindent 4 }}
    {{- with concat (default list $work.mounts) (default list $root.Values.jobs.extraVolumeMounts) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* The load: where films and ratings come from, as steps and volumes. */}}
{{- define "palate.load" -}}
{{- $jobs := .Values.jobs -}}
{{- $load := $jobs.load -}}
{{- $steps := list -}}
{{- $location := $load.location -}}
{{- if and (eq $load.source "movielens") (hasPrefix "https://" $location) -}}
{{- $code := "import pathlib, sys, urllib.request\nurllib.request.urlretrieve(sys.argv[1], part := '/tmp/movielens.part')\npathlib.Path(part).replace('/tmp/movielens.zip')\n" -}}
{{- $steps = append $steps (dict "name" "fetch" "command" "python" "args" (list "-c" $code $location)) -}}
{{- $location = "/tmp/movielens.zip" -}}
{{- end -}}
{{- $args := list "ingest" "sample" -}}
{{- if eq $load.source "movielens" -}}
{{- $args = list "ingest" "movielens" $location -}}
{{- if $load.metadata -}}
{{- $args = concat $args (list "--metadata" $load.metadata) -}}
{{- end -}}
{{- end -}}
{{- if $load.replace -}}
{{- $args = append $args "--replace" -}}
{{- end -}}
{{- $steps = append $steps (dict "name" "load" "args" $args) -}}
{{- if $load.tasters -}}
{{- $steps = append $steps (dict "name" "tasters" "args" (list "test-users" "create")) -}}
{{- end -}}
{{- $work := dict "name" "load" "jobs" false "steps" $steps "resources" $jobs.resources -}}
{{- with $load.existingClaim -}}
{{- $_ := set $work "volumes" (list (dict "name" "data" "persistentVolumeClaim" (dict "claimName" . "readOnly" true))) -}}
{{- $_ := set $work "mounts" (list (dict "name" "data" "mountPath" "/data" "readOnly" true)) -}}
{{- end -}}
{{- toYaml $work -}}
{{- end -}}

{{/*
Whether a load runs by itself at installs and upgrades: never over a database that is restored, nor
where it would first delete what is there.
*/}}
{{- define "palate.loadsItself" -}}
{{- $load := .Values.jobs.load -}}
{{- $restored := and (eq .Values.database.mode "cnpg") .Values.database.cnpg.recovery.enabled -}}
{{- if and $load.enabled $load.automatic (not $load.replace) (not $restored) }}true{{ end -}}
{{- end -}}
