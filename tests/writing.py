"""Writes shards in this process, without Beam and with a given number of shards."""

import dataclasses

from tsm_tf.data.listing import Listing
from tsm_tf.data.modality import source_of
from tsm_tf.data.shard.plan import make_plan
from tsm_tf.data.shard.settings import Settings
from tsm_tf.data.shard.write import publish, write_shard

SETTINGS = Settings(short_side=36)


def write_shards(data, output, settings=SETTINGS, num_shards=1, skip_bad_videos=False):
    """Writes the shards of a data folder; returns the output as text."""
    listing, output = Listing(data), str(output)
    source = source_of(listing, settings.modality)
    bytes_per_shard = settings.shard_mib << 20
    count = len(listing.videos("train"))
    plan = make_plan(listing, settings, None, lambda _: num_shards * bytes_per_shard // count)
    plan.save(output)
    for name in plan.shards:
        write_shard(name, plan, source, output, skip_bad_videos)
    publish(plan, output, skip_bad_videos)
    return output


def replaced(settings=SETTINGS, **changes):
    """Returns settings with other values."""
    return dataclasses.replace(settings, **changes)
