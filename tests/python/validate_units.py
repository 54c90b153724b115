"""Checks the manifests and the compose file that 'fahrtenbuch units' wrote: validate_units.py DEPLOY"""

import sys
from pathlib import Path

import kubernetes_validate
import yaml

VERSION = "1.33"


def pod_spec(manifest):
    match manifest["kind"]:
        case "CronJob":
            return manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        case "Deployment" | "Job":
            return manifest["spec"]["template"]["spec"]
    return None


def check_pod(name, spec):
    security = spec["securityContext"]
    assert security["runAsNonRoot"] and security["runAsUser"] > 0, name
    assert security["seccompProfile"]["type"] == "RuntimeDefault", name
    assert spec["automountServiceAccountToken"] is False, name
    volumes = {volume["name"] for volume in spec["volumes"]}
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"], name
        assert context["capabilities"]["drop"] == ["ALL"], name
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes, name
        assert container["resources"]["limits"]["memory"], name
        assert container["envFrom"] == [{"secretRef": {"name": "fahrtenbuch", "optional": True}}], name


def check_policy(job, names):
    for rule in job["podFailurePolicy"]["rules"]:
        codes = rule.get("onExitCodes")
        assert codes is None or codes["containerName"] in names


deploy = Path(sys.argv[1])
kinds = []
for file in sorted((deploy / "kubernetes").glob("*.yaml")):
    for manifest in yaml.safe_load_all(file.read_text()):
        kubernetes_validate.validate(manifest, VERSION, strict=True)
        kinds.append(manifest["kind"])
        if spec := pod_spec(manifest):
            check_pod(file.name, spec)
            names = {container["name"] for container in spec["containers"]}
            if manifest["kind"] == "CronJob":
                assert manifest["spec"]["concurrencyPolicy"] == "Forbid"
                check_policy(manifest["spec"]["jobTemplate"]["spec"], names)
            if manifest["kind"] == "Job":
                assert manifest["spec"]["completionMode"] == "Indexed"
                assert manifest["spec"]["backoffLimitPerIndex"] == 3
                check_policy(manifest["spec"], names)
            if manifest["kind"] == "Deployment":
                assert manifest["spec"]["replicas"] == 1 and manifest["spec"]["strategy"] == {"type": "Recreate"}
assert sorted(kinds) == ["CronJob", "Deployment", "Job", "PersistentVolumeClaim", "Service"], kinds

# A mistake would be found.
try:
    kubernetes_validate.validate({"apiVersion": "v1", "kind": "Service", "spec": {"prots": []}}, VERSION, strict=True)
    raise SystemExit("a wrong manifest is valid")
except kubernetes_validate.ValidationError:
    pass

compose = yaml.safe_load((deploy / "container/compose.yaml").read_text())
assert sorted(compose["services"]) == ["up", "watch"]
for service in compose["services"].values():
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["user"] != "0"
context = (deploy / "container" / compose["services"]["up"]["build"]["context"]).resolve()
assert (context / "fahrtenbuch.yaml").exists(), context
assert (context / compose["services"]["up"]["build"]["dockerfile"]).exists()

# The image holds files that are there, and no data.
for line in (deploy / "container/Containerfile").read_text().splitlines():
    words = line.split()
    if words[:1] == ["COPY"] and words[-1].startswith("/workspace"):
        assert (context / words[1]).exists(), line
        assert not words[1].startswith(("data", ".")), line
print("valid")
