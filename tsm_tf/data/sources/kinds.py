"""The kinds of video files that are decoded, out of the hundreds that FFmpeg knows.

FFmpeg also "decodes" text, drawings, single pictures, and playlists that open other files. These
lists name what cameras, phones, editors and public data sets write.
"""

_CONTAINERS = """
    mp4 matroska avi mpegts mpeg mpegvideo flv asf ogg rm mxf nut dv gif
    h264 hevc m4v mjpeg mpjpeg ivf obu yuv4mpegpipe
"""

_CODECS = """
    h264 hevc vvc av1 vp8 vp9 vp6 vp6f theora flv1 flv h263 h263p mpeg1video mpeg2video mpeg4
    msmpeg4v1 msmpeg4v2 msmpeg4v3 msmpeg4 wmv1 wmv2 wmv3 vc1 rv10 rv20 rv30 rv40 svq1 svq3
    cinepak indeo3 indeo4 indeo5 dvvideo prores dnxhd cfhd mjpeg mjpegb jpeg2000
    huffyuv ffvhuff ffv1 utvideo lagarith magicyuv qtrle png gif rawvideo v210
"""

CONTAINERS = frozenset(_CONTAINERS.split())
"""FFmpeg's names of demuxers; where a demuxer has several names, one of them."""

CODECS = frozenset(_CODECS.split())
"""FFmpeg's names of codecs; several decoders may share one."""
