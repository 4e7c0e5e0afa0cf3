"""Words to captions: cues laid out by the width of the real font, then ASS, SRT and VTT.

    words -> cues.lay_out -> ass.to_ass        burnt into the picture, word by word
                          -> sidecar.to_srt, to_vtt

Everything but `measure` is pure.
"""
