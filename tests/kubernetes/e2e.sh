#!/usr/bin/env bash
# The page docs/kubernetes.md on a cluster of its own, made with kind and deleted at the end (KEEP=1
# keeps it): install, load, search, kill the database while films are written, upgrade, roll back,
# back up, restore, uninstall. Each step is checked by what `palate k8s` prints. `make k8s-e2e`.
# Needs docker, kind, kubectl, helm, and palate with the extra k8s on the PATH.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
cluster=palate-e2e
cnpg=${CNPG:-1.28.1}
barman=${BARMAN:-0.10.0}
cert_manager=${CERT_MANAGER:-1.19.1}
export KUBECONFIG=$work/kubeconfig
cd "$here"

for program in docker kind kubectl helm palate; do
    command -v "$program" > /dev/null || { echo "$program is not on the PATH; nothing was made" >&2; exit 2; }
done

finish() {
    code=$?
    if [ "$code" -ne 0 ]; then
        echo "FAILED after: ${step:-the start}" >&2
        kubectl get clusters.postgresql.cnpg.io,pods,jobs,events 2> /dev/null | tail -60 >&2 || true
    fi
    [ -n "${KEEP:-}" ] || kind delete cluster --name "$cluster" > /dev/null 2>&1 || true
    [ -n "${KEEP:-}" ] && echo "kept: export KUBECONFIG=$KUBECONFIG" || rm -rf "$work"
    exit "$code"
}
trap finish EXIT

say() { step=$*; echo "== $*"; }
# expect WORDS COMMAND...: the command succeeds and prints these words.
expect() {
    words=$1; shift
    printed=$("$@" 2>&1) || { echo "$printed" >&2; echo "failed: $*" >&2; return 1; }
    grep -qF -- "$words" <<< "$printed" || { echo "$printed" >&2; echo "no '$words' from: $*" >&2; return 1; }
}
answers() { palate k8s status > /dev/null; }
until_it_answers() {
    for _ in $(seq 120); do answers 2> /dev/null && return; sleep 5; done
    palate k8s status
}
films() { palate k8s psql "SELECT count(*) AS films FROM palate.movies" | grep -oE '[0-9]+' | head -1; }
missing() {
    palate k8s psql "SELECT abs((SELECT count(*) FROM movies) - (SELECT count(*) \
        FROM search_matches('{\"all\": null}'::jsonb))) AS missing" | grep -oE '[0-9]+' | head -1
}

say "a cluster with the operator, cert-manager, barman-cloud and an object store"
kind create cluster --name "$cluster" --wait 5m > /dev/null
kubectl apply --server-side --filename "https://raw.githubusercontent.com/cloudnative-pg/cloudnative-pg/release-${cnpg%.*}/releases/cnpg-$cnpg.yaml" > /dev/null
kubectl apply --filename "https://github.com/cert-manager/cert-manager/releases/download/v$cert_manager/cert-manager.yaml" > /dev/null
kubectl --namespace cert-manager wait --for=condition=Available --timeout 10m deployment --all > /dev/null
kubectl --namespace cnpg-system rollout status --timeout 10m deployment/cnpg-controller-manager > /dev/null
kubectl apply --filename "https://github.com/cloudnative-pg/plugin-barman-cloud/releases/download/v$barman/manifest.yaml" > /dev/null
kubectl --namespace cnpg-system rollout status --timeout 10m deployment/barman-cloud > /dev/null
kubectl create namespace palate > /dev/null
kubectl label namespace palate pod-security.kubernetes.io/enforce=restricted > /dev/null
kubectl config set-context --current --namespace palate > /dev/null
kubectl apply --filename tests/kubernetes/e2e-store.yaml > /dev/null
kubectl --namespace store rollout status --timeout 10m deployment/store > /dev/null
kubectl --namespace store wait --for=condition=Complete --timeout 5m job/bucket > /dev/null

say "the image, under two tags"
docker build --quiet --tag palate:0.1.0 . > /dev/null
docker tag palate:0.1.0 palate:0.1.1
kind load docker-image --name "$cluster" palate:0.1.0 palate:0.1.1 > /dev/null

say "install and load"
kubectl create secret generic palate-api-keys \
    --from-literal=read-key="$(palate keys create monitor --scope read --file "$work/keys.txt")" \
    --from-literal=cursor-secret=e2e --from-file="$work/keys.txt" > /dev/null
kubectl create secret generic palate-backup --from-literal=ACCESS_KEY_ID=palate \
    --from-literal=ACCESS_SECRET_KEY=palate-secret > /dev/null
backup=database.cnpg.backup
helm install palate ./helm/palate --values helm/palate/values-kind.yaml --timeout 20m \
    --set database.cnpg.keep=true --set $backup.enabled=true \
    --set $backup.destinationPath=s3://palate/e2e --set $backup.credentialsSecret=palate-backup \
    --set $backup.endpointURL=http://store.store:9000 > /dev/null
until_it_answers
expect "load" palate k8s status
all=$(films); [ "$all" -gt 3000 ]

say "search, as two people"
lover=$(palate k8s search lord --user 20001); hater=$(palate k8s search lord --user 20002)
[ -n "$lover" ] && [ "$lover" != "$hater" ]
expect "hater" helm test palate --logs

say "a second load is a no-op, and jobs start again"
expect "is loaded already" palate k8s load --follow
[ "$(films)" = "$all" ]
expect "" palate k8s load refresh --follow

say "kill the database while films are written"
palate k8s psql --role owner "DO \$\$ BEGIN FOR i IN 1..20000 LOOP UPDATE palate.movies SET overview = \
    overview || ' again' WHERE movie_id = (SELECT movie_id FROM palate.movies OFFSET i % 3000 LIMIT 1); \
    COMMIT; END LOOP; END \$\$" > /dev/null 2>&1 &
writer=$!
sleep 10
kubectl delete pod paradedb-1 --grace-period=0 --force > /dev/null 2>&1
wait "$writer" || true
until kubectl get pod paradedb-1 > /dev/null 2>&1; do sleep 2; done
kubectl wait --for=condition=Ready --timeout 15m pod/paradedb-1 > /dev/null
until_it_answers
[ "$(films)" = "$all" ]
[ "$(missing)" = 0 ]

say "a drained pod of the API: searches go on"
kubectl delete pod --selector app.kubernetes.io/component=api --wait=false > /dev/null
until_it_answers
expect "Lord" palate k8s search lord

say "upgrade"
helm upgrade palate ./helm/palate --reset-then-reuse-values --set image.tag=0.1.1 --timeout 20m > /dev/null
kubectl rollout status deployment/palate --timeout 15m > /dev/null
expect "palate:0.1.1" palate k8s status

say "an upgrade that fails halfway goes back by itself"
if helm upgrade palate ./helm/palate --reset-then-reuse-values --set image.tag=0.1.0 --atomic --timeout 5m \
    --set jobs.timeZone=Europe/Nowhere > /dev/null 2>&1; then  # CronJobs come after the Deployment
    echo "the upgrade should have failed: there is no such time zone" >&2; exit 1
fi
kubectl rollout status deployment/palate --timeout 15m > /dev/null
expect "palate:0.1.1" palate k8s status
helm upgrade palate ./helm/palate --reset-then-reuse-values --set image.tag=0.1.0 --timeout 20m > /dev/null
helm rollback palate > /dev/null
kubectl rollout status deployment/palate --timeout 15m > /dev/null
expect "palate:0.1.1" palate k8s status

say "back up"
for _ in $(seq 120); do
    [ "$(kubectl get backups.postgresql.cnpg.io -o jsonpath='{.items[*].status.phase}')" = completed ] && break
    sleep 5
done
expect "completed" kubectl get backups.postgresql.cnpg.io
palate k8s psql --role owner "UPDATE palate.movies SET title = 'Written after the backup' WHERE movie_id = (SELECT min(movie_id) FROM palate.movies)" > /dev/null
palate k8s psql --role owner "CHECKPOINT" > /dev/null 2>&1 || true
kubectl exec paradedb-1 --container postgres -- psql --command 'SELECT pg_switch_wal()' > /dev/null
sleep 60

say "restore beside it, and search there"
helm install drill ./helm/palate --values helm/palate/values-kind.yaml --timeout 30m \
    --set database.cluster=drill --set database.cnpg.recovery.enabled=true \
    --set database.cnpg.recovery.serverName=paradedb \
    --set database.cnpg.recovery.objectStore=paradedb-backup \
    --set jobs.refresh.enabled=false > /dev/null
kubectl wait --for=condition=Ready --timeout 30m cluster.postgresql.cnpg.io/drill > /dev/null
palate k8s psql --release drill --role owner "REINDEX INDEX CONCURRENTLY palate.movies_search" > /dev/null
expect "Written after the backup" palate k8s psql --release drill "SELECT title FROM movies ORDER BY movie_id LIMIT 1"
kubectl rollout status deployment/drill-palate --timeout 15m > /dev/null
expect "Lord" palate k8s search lord --release drill
helm uninstall drill > /dev/null

say "uninstall leaves the data; installed again, Palate finds them"
helm uninstall palate > /dev/null
kubectl get cluster.postgresql.cnpg.io/paradedb scheduledbackup.postgresql.cnpg.io/paradedb \
    objectstore.barmancloud.cnpg.io/paradedb-backup > /dev/null
helm install palate ./helm/palate --values helm/palate/values-kind.yaml --timeout 20m \
    --set database.cnpg.keep=true --set $backup.enabled=true \
    --set $backup.destinationPath=s3://palate/e2e --set $backup.credentialsSecret=palate-backup \
    --set $backup.endpointURL=http://store.store:9000 > /dev/null
until_it_answers
[ "$(films)" = "$all" ]

say "remove everything"
helm uninstall palate > /dev/null
kubectl delete cluster.postgresql.cnpg.io paradedb --wait > /dev/null
(palate k8s status 2>&1 || true) | grep -qF "no release of Palate"
echo "Everything on the page was seen."
