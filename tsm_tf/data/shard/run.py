"""One sharding, from the data folder to the published manifest."""

from collections.abc import Sequence

from tsm_tf.data import storage
from tsm_tf.data.listing import Listing
from tsm_tf.data.modality import source_of
from tsm_tf.data.shard.encode import estimate_bytes
from tsm_tf.data.shard.manifest import Manifest, read_manifest
from tsm_tf.data.shard.pipeline import LOCAL_RUNNER, run_pipeline
from tsm_tf.data.shard.plan import is_complete, load_plan, make_plan
from tsm_tf.data.shard.progress import Progress
from tsm_tf.data.shard.settings import Settings
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.errors import InputError

_ASSUMED_BYTES = 4 << 20  # of a video that cannot be read


def run(
    listing: Listing,
    output: str,
    settings: Settings,
    runner: str = LOCAL_RUNNER,
    beam_flags: Sequence[str] = (),
    skip_bad_videos: bool = False,
) -> Manifest:
    """Writes the shards of a data folder, or resumes an interrupted run.

    Args:
        listing: the data.
        output: folder or URI of the shards.
        settings: how they are made.
        runner: Beam's name of a runner.
        beam_flags: more of Beam's flags.
        skip_bad_videos: leaves out videos that cannot be read, and lists them in the manifest.

    Raises:
        MissingFile: a list or a video does not exist.
        InputError: bad lists, another content of the output, a video that cannot be read, another
            modality, or a runner that fails.
        StorageError: the object storage does not answer, or denies access.
    """
    storage.check_scheme(output, "output")
    source = source_of(listing, settings.modality)
    if listing.keep_damaged and settings.encode == "original":
        rule = "must be jpeg with --keep_damaged; damaged files would be refused when they are read"
        raise InputError("encode", rule, settings.encode)

    if is_complete(output, listing, settings):
        print(f"{output} already has these shards; nothing to do")
        return read_manifest(output)[0]

    def estimate(video):
        try:
            return estimate_bytes(video.path, source, settings)
        except BadVideoError:
            return _ASSUMED_BYTES

    old = load_plan(output)
    plan = make_plan(listing, settings, old, estimate)
    plan.save(output)
    what = "resuming" if old else "writing"
    print(f"{what} {len(plan.shards)} shards to {output}", flush=True)

    with Progress(plan, output) as progress:
        run_pipeline(
            plan,
            listing,
            output,
            runner,
            beam_flags,
            skip_bad_videos,
            progress.video_encoded,
        )

    manifest = read_manifest(output)[0]
    for name, reason in manifest.left_out.items():
        print(f"left out: {name}: {reason}")
    print(_summary(manifest, output))
    return manifest


def _summary(manifest, output):
    size = sum(shard.bytes for shard in manifest.shards)
    return (
        f"written to {output}: {manifest.index.records:,} videos in {len(manifest.shards)} shards, "
        f"{size / 2**20:,.1f} MiB, {len(manifest.left_out):,} left out. Train with --data={output}"
    )
