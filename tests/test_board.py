"""The board over real child processes: queue, stopping, edits, faults. The program is a stand-in."""

from __future__ import annotations

import stat
import threading
import time
from dataclasses import replace

import psutil
import pytest

from node.errors import BadRequest, Busy, Closing, NoRoom, NotReady, UnknownJob
from node.jobs.child import Limits
from node.jobs.probing import Prober
from node.jobs.turns import Edit, Turns
from node.jobs.workers import Means
from node.records import JobRequest, JobStatus, Probed
from tests.boards import PROGRAM, board, ended, options, pids, reached, running, runs, wanted
from tests.stand_in import SECRET


@pytest.fixture
def boards(tmp_path):
    """Makes boards over one folder; all are closed in the end."""
    made = []

    def new(launcher=None, **options):
        made.append(board(tmp_path, launcher, **options))
        return made[-1]

    yield new
    for each in made:
        each.close()


def test_a_job_goes_through_its_stages_and_ends_well(boards, tmp_path):
    desk = boards(price_per_hour_usd=3.6)
    request = wanted("ok", count=2, min_ms=12_345, focus="--help", transcript=tmp_path / "own.srt")
    request = replace(request, forecast=desk.forecast(Probed(60_000, 1, 1), request))
    job_id = desk.submit(request).job_id
    state = ended(desk, job_id)
    assert (state.status, state.fraction, state.left_ms, state.problem) == (JobStatus.SUCCEEDED, 1.0, 0, None)
    assert state.rendered == (1, 2) and {view.status for view in state.stages} == {"done"}
    assert [heard.id for heard in state.heard] == [2, 3, 4]
    assert [heard.id for heard in desk.heard_since(job_id, 1)] == [1, 2, 3, 4]
    assert state.receipt and state.receipt.usd and state.receipt.off_by is not None
    (run,) = runs(tmp_path, job_id)
    for part in (f"job-id={job_id}", "min-seconds=12.345", "focus=--help", "nice=10", "with-parent="):
        assert part in run
    desk.close()
    assert (tmp_path / "work" / "rates.json").exists()
    kept = tmp_path / "work" / job_id / "node.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not desk.busy and desk.jobs() == (desk.state(job_id),)


def test_jobs_run_in_order_and_know_their_places(boards, tmp_path):
    desk = boards()
    first = desk.submit(wanted("slow")).job_id
    running(desk, first)
    others = [desk.submit(wanted("ok")).job_id for _ in range(3)]
    assert [desk.state(job_id).position for job_id in others] == [1, 2, 3]
    assert [state.job_id for state in desk.jobs()] == [*reversed(others), first]
    assert desk.cancel(others[1]).status is JobStatus.CANCELLED
    assert [desk.state(others[0]).position, desk.state(others[2]).position] == [1, 2]
    assert desk.idle_s() == 0
    desk.cancel(first)
    assert ended(desk, others[2]).status is JobStatus.SUCCEEDED
    assert desk.state(others[0]).ended <= desk.state(others[2]).started
    assert not runs(tmp_path, others[1])


def test_a_running_job_is_cancelled_in_a_moment(boards, tmp_path):
    desk = boards()
    job_id = desk.submit(wanted("slow")).job_id
    running(desk, job_id)
    started = time.monotonic()
    desk.cancel(job_id)
    state = ended(desk, job_id)
    assert (state.status, state.problem) == (JobStatus.CANCELLED, None)
    assert time.monotonic() - started < 1
    assert desk.cancel(job_id) == state


def test_a_child_that_ignores_sigterm_is_killed_with_its_grandchildren(boards, tmp_path):
    desk = boards()
    job_id = desk.submit(wanted("deaf")).job_id
    running(desk, job_id)
    (pid,) = pids(tmp_path, job_id)
    reached(desk, job_id, lambda _: psutil.Process(pid).children())
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    time.sleep(0.3)  # until it is deaf
    desk.cancel(job_id)
    assert ended(desk, job_id).status is JobStatus.CANCELLED
    gone, alive = psutil.wait_procs(family, timeout=5)
    assert len(gone) == 2 and not alive


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        ("crash", "crashed", "signal 11"),
        ("mute", "crashed", "without an answer"),
        ("silent", "timed_out", "without a sign of life"),
        ("refuse", "no_speech", "Nobody speaks."),
    ],
)
def test_a_child_that_fails_leaves_a_sentence_and_the_next_job_runs(boards, name, code, sentence):
    desk = boards(silence_s=1.5)
    bad, good = desk.submit(wanted(name)).job_id, desk.submit(wanted("ok")).job_id
    state = ended(desk, bad)
    assert state.status is JobStatus.FAILED and state.problem.code == code
    assert sentence in state.problem.message
    assert ended(desk, good).status is JobStatus.SUCCEEDED


def test_a_child_that_prints_garbage_is_still_understood(boards, tmp_path):
    desk = boards()
    job_id = desk.submit(wanted("garbage")).job_id
    assert ended(desk, job_id).status is JobStatus.SUCCEEDED
    log = (tmp_path / "work" / job_id / "node.log").read_text(encoding="utf-8")
    assert "no event: hello" in log and "too long" in log


def test_no_secret_gets_into_a_log_or_before_a_visitor(boards, tmp_path, caplog):
    desk = boards()
    signature = "X-Amz-Signature-" + "f" * 40
    link = f"https://user:pass-word@films.example/leak.mp4?v=1&sig={signature}"
    job_id = desk.submit(JobRequest(link, "https://films.example/leak.mp4?v=1")).job_id
    state = ended(desk, job_id)
    assert state.problem.code == "refused" and signature not in state.problem.message
    assert state.notes and signature not in "".join(state.notes)
    desk.close()
    folder = tmp_path / "work" / job_id
    log = folder / "node.log"
    text = log.read_text(encoding="utf-8")
    assert "GET … failed" in text and "older lines were dropped" in text
    for secret in (signature, SECRET, "pass-word"):
        assert secret not in text and secret not in caplog.text
    assert log.stat().st_size <= 1_100_000
    assert stat.S_IMODE(log.stat().st_mode) == 0o600 and stat.S_IMODE(folder.stat().st_mode) == 0o700
    secretive = {path.name for path in folder.rglob("*") if path.is_file() and signature in path.read_text()}
    assert secretive == {"node.json"}  # the one place: without the link the job can't go on


def test_a_failed_job_is_tried_again_under_its_id(boards, tmp_path):
    desk = boards()
    job_id = desk.submit(wanted("refuse")).job_id
    assert ended(desk, job_id).status is JobStatus.FAILED
    again = desk.retry(job_id)
    assert again.status in (JobStatus.QUEUED, JobStatus.RUNNING) and again.problem is None
    assert ended(desk, job_id).status is JobStatus.FAILED
    assert len(runs(tmp_path, job_id)) == 2
    good = desk.submit(wanted("ok")).job_id
    ended(desk, good)
    with pytest.raises(BadRequest, match="finished"):
        desk.retry(good)


def test_the_same_key_gives_the_same_job_even_at_once(boards):
    desk = boards()
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda: got.append(desk.submit(wanted("ok"), None, "key-1").job_id))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8 and len(set(got)) == 1 and len(desk.jobs()) == 1
    assert desk.submit(wanted("ok"), None, "key-2").job_id not in got


def test_the_same_id_is_the_same_job_and_no_other(boards):
    desk = boards()
    first = desk.submit(wanted("ok"), "own_id")
    assert desk.submit(wanted("ok"), "own_id").job_id == first.job_id and len(desk.jobs()) == 1
    with pytest.raises(BadRequest, match="another wish"):
        desk.submit(wanted("ok", count=5), "own_id")
    for bad in ("../up", "", "a/b", "x" * 65, "-x", ".x"):
        if bad:
            with pytest.raises(BadRequest, match="can't be used"):
                desk.submit(wanted("ok"), bad)


@pytest.mark.parametrize("field", ["source", "focus", "language"])
@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_process_can_be_given_is_refused(boards, field, text):
    desk = boards()
    with pytest.raises(BadRequest, match=field):
        desk.submit(replace(wanted("ok"), **{field: text}))


def test_two_hundred_jobs_at_once_fill_the_queue_and_no_more(boards):
    desk = boards(max_queue=5)
    running(desk, desk.submit(wanted("slow")).job_id)
    took: list[str] = []
    refused: list[Busy] = []

    def one() -> None:
        try:
            took.append(desk.submit(wanted("ok")).job_id)
        except Busy as exc:
            refused.append(exc)

    threads = [threading.Thread(target=one) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took) == 5 and len(refused) == 195
    assert sorted(desk.state(job_id).position for job_id in took) == [1, 2, 3, 4, 5]


def test_a_full_disk_and_a_closing_session_take_nothing(boards):
    desk = boards(min_free_bytes=10**18)
    with pytest.raises(NoRoom, match=r"GB free .* needs 1000000000\.0 GB"):
        desk.submit(wanted("ok"))
    assert desk.jobs() == () and not desk.busy
    open_desk = boards()
    job_id = open_desk.submit(wanted("ok")).job_id
    open_desk.drain()
    assert open_desk.draining
    for call in (lambda: open_desk.submit(wanted("ok")), lambda: open_desk.render(job_id, 1, True)):
        with pytest.raises(Closing):
            call()
    assert ended(open_desk, job_id).status is JobStatus.SUCCEEDED


def test_what_is_not_known_is_said(boards):
    desk = boards()
    for call, more in ((desk.state, ()), (desk.cancel, ()), (desk.retry, ()), (desk.wait, (0, 0)),
                       (desk.render, (1, True)), (desk.heard_since, (0,))):  # fmt: skip
        with pytest.raises(UnknownJob, match="nobody"):
            call("nobody", *more)


def test_a_look_ahead_gives_the_length_or_a_sentence(boards):
    desk = boards()
    assert desk.probe("--help") == Probed(269_000, 640, 360, "--help")
    with pytest.raises(BadRequest, match=r"That is no video\."):
        desk.probe("/films/bad.mp4")
    with pytest.raises(BadRequest, match=r"odd\.mp4"):
        desk.probe("https://films.example/odd.mp4?sig=" + "s" * 40)
    with pytest.raises(BadRequest, match="No video"):
        desk.probe(" ")


def test_a_look_that_takes_too_long_is_ended(tmp_path):
    shell = options(tmp_path).environment
    prober = Prober(Means(PROGRAM, tmp_path, 0, Limits(), shell, ()), limit_s=1.0)
    with pytest.raises(BadRequest, match="within 1 s"):
        prober.probe("/films/slow.mp4")


def test_idle_time_counts_from_the_last_touch(boards):
    desk = boards()
    time.sleep(0.1)
    assert 0.1 <= desk.idle_s() < 5
    desk.touch()
    assert desk.idle_s() < 0.1


def test_a_waiter_returns_with_news_or_after_its_time(boards):
    desk = boards()
    job_id = desk.submit(wanted("slow")).job_id
    state = running(desk, job_id)
    started = time.monotonic()
    same = desk.wait(job_id, desk.state(job_id).version, 0.3)
    assert time.monotonic() - started >= 0.29 and same.version >= state.version
    threading.Timer(0.1, desk.cancel, (job_id,)).start()
    assert desk.wait(job_id, same.version, 10).status is JobStatus.CANCELLED


# -- edits ----------------------------------------------------------------------------------------


def task(desk, job_id, clip=1, kind="draft"):
    found = [t for t in desk.state(job_id).tasks if (t.clip, t.kind) == (clip, kind)]
    return found[0] if found else None


def edited(desk, job_id, clip=1, kind="draft"):
    reached(desk, job_id, lambda _: (t := task(desk, job_id, clip, kind)) and t.status.ended)
    return task(desk, job_id, clip, kind)


def test_an_edit_is_rendered_beside_another_job(boards, tmp_path):
    desk = boards()
    done = desk.submit(wanted("ok")).job_id
    ended(desk, done)
    other = desk.submit(wanted("slow")).job_id
    running(desk, other)
    assert desk.render(done, 1, True).status is JobStatus.QUEUED
    assert edited(desk, done).status is JobStatus.SUCCEEDED and task(desk, done).fraction == 1
    desk.render(done, 2, False)
    assert edited(desk, done, 2, "full").status is JobStatus.SUCCEEDED
    assert desk.state(other).status is JobStatus.RUNNING
    assert runs(tmp_path, done)[1:] == ["draft 1", "full 2"]


def test_an_edit_of_the_running_job_waits_for_its_end(boards, tmp_path):
    desk = boards(environment={"PACE": "0.3"})
    job_id = desk.submit(wanted("ok")).job_id
    running(desk, job_id)
    desk.render(job_id, 1, True)
    assert edited(desk, job_id).status is JobStatus.SUCCEEDED
    assert desk.state(job_id).status is JobStatus.SUCCEEDED and runs(tmp_path, job_id)[1:] == ["draft 1"]


def test_a_waiting_edit_goes_before_the_next_job(boards, tmp_path):
    desk = boards(environment={"EDIT_S": "1"})
    first = desk.submit(wanted("slow")).job_id
    running(desk, first)
    second = desk.submit(wanted("ok")).job_id
    desk.render(first, 1, False)
    desk.cancel(first)
    assert ended(desk, second).status is JobStatus.SUCCEEDED
    assert runs(tmp_path, first)[-1] == "full 1"
    assert edited(desk, first, 1, "full").status is JobStatus.SUCCEEDED


def test_whose_turn_it_is():
    turns = Turns(jobs=["a", "b"])
    assert turns.next_job() == "a" and list(turns.positions()) == [("a", 0), ("b", 1)]
    turns.start_job("a")
    assert turns.next_job() is None and list(turns.positions()) == [("b", 1)]
    own, other = Edit("a", 1, True), Edit("z", 2, False)
    assert not turns.want(own) and not turns.want(own) and turns.edits == [own]
    assert turns.next_edit() is None  # its job runs
    turns.want(other)
    assert turns.next_edit() == other
    turns.start_edit(other)
    assert turns.next_edit() is None and turns.want(other)  # outdated: it is to be stopped
    turns.running = ""
    assert turns.next_job() is None and turns.holds("a") and turns.holds("z") and not turns.holds("c")
    turns.editing = None
    assert turns.next_edit() == own and turns.next_job() is None
    turns.start_edit(own)
    turns.edits.clear()
    assert turns.next_job() == "b" and turns.busy
    turns.jobs.insert(0, "a")
    assert turns.next_job() is None  # its edit runs


def test_a_newer_draft_replaces_what_waits_and_stops_what_runs(boards, tmp_path):
    desk = boards(environment={"EDIT_S": "1.5"})
    job_id = desk.submit(wanted("ok")).job_id
    ended(desk, job_id)
    desk.render(job_id, 1, True)
    reached(desk, job_id, lambda _: task(desk, job_id).fraction > 0)
    started = time.monotonic()
    for _ in range(20):
        desk.render(job_id, 1, True)
    assert edited(desk, job_id).status is JobStatus.SUCCEEDED
    assert runs(tmp_path, job_id)[1:] == ["draft 1", "draft 1"]
    assert 1.4 < time.monotonic() - started < 4


def test_an_edit_that_fails_says_why(boards):
    desk = boards()
    job_id = desk.submit(wanted("ok")).job_id
    ended(desk, job_id)
    desk.render(job_id, 9, False)
    failed = edited(desk, job_id, 9, "full")
    assert failed.status is JobStatus.FAILED and failed.problem.message == "There is no clip 9."
    with pytest.raises(BadRequest, match="no clip 0"):
        desk.render(job_id, 0, False)


def test_a_job_that_has_not_started_has_no_clips_to_edit(boards):
    desk = boards()
    running(desk, desk.submit(wanted("slow")).job_id)
    with pytest.raises(NotReady, match="not started"):
        desk.render(desk.submit(wanted("ok")).job_id, 1, True)
