"""FHIR NDJSON → committed, harmonised, indexed record: resources per CPU second, and peak memory.

    .venv/bin/python benchmarks/ingest.py [--data DIR] [--times N] [--runs N] [--write]

The Synthea bundles of the fixtures are flattened to one NDJSON file of whole records (a person's resources together, as
`$export` per patient gives them), multiplied `--times` by giving every copy other ids, names and birth dates, then
imported by `mainstem import` as its users run it. CPU seconds are user + system of the importing process and of all
processes of the database server, read from /proc; resources / CPU seconds = resources per second and core.
"""

import argparse
import gzip
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mainstem.store import embedded
from mainstem.store.database import Database

ROOT = Path(__file__).resolve().parent
DEFAULT = Path(os.environ.get("MAINSTEM_FIXTURES", ROOT.parent.parent / "shared" / "fixtures")) / "synthea"
SHARED = {"Organization", "Practitioner"}
"""Types of which a source has one for all of its patients: copies refer to the same ones."""
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def flatten(bundle: dict, copy: int) -> list[str]:
    """Return a bundle's resources as NDJSON lines with relative references; copy > 0 makes them other people's."""
    names = {e["fullUrl"]: f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]}
    shared = {e["resource"]["id"] for e in bundle["entry"] if e["resource"]["resourceType"] in SHARED}
    lines = []
    for entry in bundle["entry"]:
        text = json.dumps(entry["resource"], ensure_ascii=False)
        text = re.sub(r'"(urn:uuid:[^"]+)"', lambda m: f'"{names.get(m[1], m[1])}"', text)
        if copy:
            text = UUID.sub(lambda m: m[0] if m[0] in shared else f"{copy:04x}{m[0][4:]}", text)
            if entry["resource"]["resourceType"] == "Patient":
                text = json.dumps(somebody_else(json.loads(text), copy), ensure_ascii=False)
        lines.append(text)
    return lines


def somebody_else(patient: dict, copy: int) -> dict:
    """Return a patient whom nothing connects with the original: other names, birth date, numbers, phone and address."""
    for name in patient["name"]:
        name["family"] += f"copy{copy}"
        name["given"] = [f"{given}{copy}" for given in name["given"]]
    for address in patient["address"]:
        address["line"] = [f"{copy} Copy Lane"]
        address["postalCode"] = f"{copy:05}"
    year, month, day = (int(part) for part in patient["birthDate"].split("-"))
    born = f"{1920 + (year + 37 * copy) % 90}-{(month + copy) % 12 + 1:02}-{(day + copy) % 28 + 1:02}"
    return {**patient, "birthDate": born, "identifier": patient["identifier"][:1], "telecom": []}


def cpu_of(home: Path) -> float:
    """Return CPU seconds of the server's processes, ended children included."""
    ticks = os.sysconf("SC_CLK_TCK")
    pid = int(next(iter(Path(server_folder(home)).glob("data/postmaster.pid"))).read_text().split()[0])
    total = 0.0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(folder.name) == pid:
                total += sum(map(int, fields[11:15])) / ticks  # own and waited-for children
            elif int(fields[1]) == pid:
                total += sum(map(int, fields[11:13])) / ticks
    return total


def server_folder(home: Path) -> str:
    """Return where the embedded server keeps its data."""
    pointer = home / "postgres.where"
    return pointer.read_text().strip() if pointer.exists() else str(home / "postgres")


def main() -> None:
    """Run the benchmark and print, and with --write keep, its figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DEFAULT)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1, help="the median run is reported, with the rates of all")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    results = sorted((once(options) for _ in range(options.runs)), key=rate)
    result = {**results[len(results) // 2], "rates_of_all_runs": [rate(each) for each in results]}
    print(json.dumps(result, indent=2))
    if options.write:
        file = ROOT / "results" / f"ingest-{options.times}x.json"
        file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def rate(result: dict) -> int:
    """Return the resources per CPU second of the first import."""
    return result["first"]["resources_per_cpu_second"]


def once(options: argparse.Namespace) -> dict:
    """Run in a folder that goes away."""
    work = Path(tempfile.mkdtemp(prefix="mainstem-bench-"))
    work.chmod(0o711)
    try:
        return run(options, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def run(options: argparse.Namespace, work: Path) -> dict:
    """Write the file, import it twice into a new home, and return the figures."""
    file = work / "synthea.ndjson"
    count = 0
    with file.open("w", encoding="utf-8") as out:
        for copy in range(options.times):
            for path in sorted(options.data.glob("*.json.gz")):
                lines = flatten(json.loads(gzip.decompress(path.read_bytes())), copy)
                out.writelines(line + "\n" for line in lines)
                count += len(lines)
    home = work / "home"
    figures = {}
    with embedded.running(home) as url:
        with Database(url) as database:
            database.migrate()
        for name in ("first", "again"):
            figures[name] = imported(home, file, count)
        with Database(url) as database, database.connection() as connection:
            size = connection.execute("select pg_database_size(current_database())").fetchone()[0]
            stands = connection.execute("select count(*) from resource").fetchone()[0]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {cpu_name()}"
    return {
        "benchmark": "ingest",
        "machine": machine,
        "resources": count,
        "bytes": file.stat().st_size,
        **figures,
        "resources_standing": stands,
        "database_bytes_per_resource": round(size / count),
    }


def imported(home: Path, file: Path, count: int) -> dict:
    """Import the file in a process of its own and return its figures."""
    server, own, wall = cpu_of(home), resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "mainstem.main",
        "import",
        "--json",
        "--source",
        "bench",
        "--home",
        str(home),
        str(file),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    client = after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime
    server = cpu_of(home) - server
    return {
        "total": json.loads(done.stdout.splitlines()[-1])["total"],
        "wall_seconds": round(time.perf_counter() - wall, 2),
        "client_cpu_seconds": round(client, 2),
        "server_cpu_seconds": round(server, 2),
        "resources_per_cpu_second": round(count / (client + server)),
        "peak_client_megabytes": round(after.ru_maxrss / 1024),
    }


def cpu_name() -> str:
    """Return the processor's name as Linux gives it."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    found = re.search(r"model name\s*: (.+)", text)
    return found[1] if found else platform.processor()


if __name__ == "__main__":
    main()
