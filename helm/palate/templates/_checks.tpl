{{/* Parts of checks.yaml. */}}

{{/*
Fails where what is added to pods is there twice, or mounted from nowhere; called with (list "api"
.Values.api TAKEN), TAKEN being variables and paths that the chart sets.
*/}}
{{- define "palate.fitsIn" -}}
{{- $where := index . 0 -}}
{{- $part := index . 1 -}}
{{- range $list, $key := dict "extraEnv" "name" "extraVolumes" "name" "extraVolumeMounts" "mountPath" "sidecars" "name" -}}
{{- $given := index $ 2 -}}
{{- range index $part $list -}}
{{- if has (index . $key) $given -}}
{{- fail (printf "%s.%s: %s is there already. Nothing was installed. Each has a %s of its own." $where $list (index . $key) $key) -}}
{{- end -}}
{{- $given = append $given (index . $key) -}}
{{- end -}}
{{- end -}}
{{- $volumes := list "tmp" "keys" "operator-rules" "data" "database-ca" -}}
{{- range $part.extraVolumes -}}
{{- $volumes = append $volumes .name -}}
{{- end -}}
{{- range $part.extraVolumeMounts -}}
{{- if not (has .name $volumes) -}}
{{- fail (printf "%s.extraVolumeMounts: there is no volume %s. Nothing was installed. Add it to %s.extraVolumes." $where .name $where) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Fails where a range of a cron line ends before it begins; called with (list "jobs.train.schedule" LINE). */}}
{{- define "palate.runsForward" -}}
{{- $line := lower (default "" (index . 1)) -}}
{{- range $names := list "sun mon tue wed thu fri sat" "jan feb mar apr may jun jul aug sep oct nov dec" -}}
{{- range $place, $name := splitList " " $names -}}
{{- $line = replace $name (toString $place) $line -}}
{{- end -}}
{{- end -}}
{{- range regexFindAll "[0-9]+-[0-9]+" $line -1 -}}
{{- if gt (splitList "-" . | first | atoi) (splitList "-" . | last | atoi) -}}
{{- fail (printf "%s: a range of %q ends before it begins. Nothing was installed." (index $ 0) (index $ 1)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Fails where PostgreSQL's own settings do not go with the pods; called with the root. */}}
{{- define "palate.serves" -}}
{{- $cnpg := .Values.database.cnpg -}}
{{- $parameters := default dict $cnpg.parameters -}}
{{- $buffers := default "" $parameters.shared_buffers -}}
{{- $memory := default $cnpg.resources.limits.memory (dig "requests" "memory" "" $cnpg.resources) -}}
{{- if regexMatch "^[0-9]+[MGT]B$" $buffers -}}
{{- if gt (trimSuffix "B" $buffers | printf "%si" | include "palate.mebibytes" | int) (include "palate.mebibytes" $memory | int) -}}
{{- fail (printf "database.cnpg.parameters.shared_buffers: %s is more than the memory that the server asks for, %s. Nothing was installed." $buffers $memory) -}}
{{- end -}}
{{- end -}}
{{- $pods := .Values.api.replicas | int -}}
{{- if .Values.autoscaling.enabled -}}
{{- $pods = .Values.autoscaling.maxReplicas | int -}}
{{- end -}}
{{- $needed := mul $pods .Values.api.poolSize -}}
{{- if include "palate.pooled" . -}}
{{- $needed = mul $cnpg.pooler.instances $cnpg.pooler.poolSize -}}
{{- end -}}
{{- with $parameters.max_connections -}}
{{- if lt (atoi .) (int $needed) -}}
{{- fail (printf "database.cnpg.parameters.max_connections: %s is less than the %d that the API may hold. Nothing was installed. Leave it out, and it is computed." . $needed) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Fails where a rule does not do just one thing; called with api.rules. */}}
{{- define "palate.doOneThing" -}}
{{- range default list .rules -}}
{{- $done := list -}}
{{- range $name, $value := pick . "remove" "keep_only" "boost" "bury" "pin" "cap" -}}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "false")) -}}
{{- $done = append $done $name -}}
{{- end -}}
{{- end -}}
{{- if ne (len $done) 1 -}}
{{- fail (printf "api.rules: %q: say one of remove, keep_only, boost, bury, pin, cap. Nothing was installed." .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Fails where a certificate is of a host that the Ingress does not lead to; called with .Values.ingress. */}}
{{- define "palate.certify" -}}
{{- range default list .tls -}}
{{- range $host := .hosts -}}
{{- $wild := printf "*.%s" (splitList "." $host | rest | join ".") -}}
{{- $served := or (has $host $.hosts) (has $wild $.hosts) -}}
{{- range $.hosts -}}
{{- $served = or $served (eq $host (printf "*.%s" (splitList "." . | rest | join "."))) -}}
{{- end -}}
{{- if not $served -}}
{{- fail (printf "ingress.tls: %s is none of ingress.hosts. Nothing was installed." $host) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
