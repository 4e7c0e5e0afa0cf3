"""The pictures of the sample: a studio with two cameras on the guest, the host's card, one slide."""

from __future__ import annotations

import cv2
import font_roboto
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from script import Shot
from skimage import data

WIDTH, HEIGHT, FPS = 1280, 720, 25
INK, PAPER, TEAL, AMBER = (24, 32, 38), (244, 240, 231), (18, 92, 96), (240, 170, 60)
FACE_X, FACE_Y = 228, 118
"""Where the face is in the 512 x 512 portrait."""

Picture = NDArray[np.uint8]


def font(size: int, weight: str = "Bold") -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(f"{font_roboto.font_directory}/Roboto-{weight}.ttf", size)


class Stage:
    """Draws the frame of a shot at a moment; everything that does not move is drawn once."""

    def __init__(self, level: NDArray[np.float32]) -> None:
        self.level = level
        self.portrait = data.astronaut()
        soft = np.zeros(self.portrait.shape[:2], np.float32)
        cv2.rectangle(soft, (24, 0), (487, 511), 1.0, -1)
        self.mask = cv2.GaussianBlur(soft, (0, 0), 14)
        self.wall = studio_wall()
        self.card = host_card()
        self.slide = slide()

    def frame(self, shot: Shot, at_ms: int) -> Picture:
        u = (at_ms - shot.start_ms) / max(1, shot.end_ms - shot.start_ms)
        if shot.scene == "slide":
            return self.slide
        if shot.scene == "host":
            return self._host(at_ms)
        if shot.scene == "close":
            # The guest leans across the picture: the tracker has something to follow.
            return self._guest(2.15 + 0.06 * u, 0.66 - 0.3 * _smooth(u), 0.36)
        return self._guest(1.25 + 0.04 * u, 0.3 + 0.02 * u, 0.42)

    def _guest(self, zoom: float, face_x: float, face_y: float) -> Picture:
        shift_x, shift_y = face_x * WIDTH - FACE_X * zoom, face_y * HEIGHT - FACE_Y * zoom
        move = np.array([[zoom, 0, shift_x], [0, zoom, shift_y]], np.float32)
        photo = cv2.warpAffine(self.portrait, move, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)
        mask = cv2.warpAffine(self.mask, move, (WIDTH, HEIGHT))[:, :, None]
        return (photo * mask + self.wall * (1 - mask)).astype(np.uint8)

    def _host(self, at_ms: int) -> Picture:
        frame = self.card.copy()
        now = at_ms * FPS // 1000
        for i in range(36):
            place = min(max(0, now - 35 + i), len(self.level) - 1)
            half = 4 + int(70 * self.level[place])
            x = 120 + i * 29
            cv2.rectangle(frame, (x, 500 - half), (x + 14, 500 + half), AMBER, -1)
        return frame


def _smooth(u: float) -> float:
    return u * u * (3 - 2 * u)


def studio_wall() -> Picture:
    """A dark teal wall with slats and the glow of a lamp."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    glow = np.exp(-(((x - 980) / 420) ** 2 + ((y - 240) / 300) ** 2))[:, :, None]
    shade = (1 - 0.45 * y / HEIGHT)[:, :, None]
    slats = (0.9 + 0.1 * (np.sin(x / 26) > -0.6))[:, :, None]
    wall = np.array(TEAL, np.float32) * shade * slats + glow * np.array((150, 105, 45), np.float32)
    wall = np.clip(wall, 0, 255).astype(np.uint8)
    cv2.rectangle(wall, (0, 640), (WIDTH, HEIGHT), (52, 36, 28), -1)
    return cv2.GaussianBlur(wall, (0, 0), 3)


def host_card() -> Picture:
    image = Image.new("RGB", (WIDTH, HEIGHT), INK)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 18, HEIGHT), fill=TEAL)
    draw.text((116, 150), "The Long", font=font(110), fill=PAPER)
    draw.text((116, 262), "Checklist", font=font(110), fill=PAPER)
    beside = "a conversation\nabout doing\nhard things"
    draw.text((850, 190), beside, font=font(36, "Light"), fill=AMBER, spacing=14)
    return np.asarray(image)


def slide() -> Picture:
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((80, 56), "A list that is read", font=font(72), fill=INK)
    rules = ("What must never be forgotten", "What is easy to forget", "Stop, and say it out loud")
    for i, line in enumerate(rules):
        y = 200 + i * 150
        draw.ellipse((84, y, 156, y + 72), fill=TEAL)
        draw.text((120, y + 36), str(i + 1), font=font(40), fill=PAPER, anchor="mm")
        draw.text((186, y + 36), line, font=font(36, "Medium"), fill=INK, anchor="lm")
    for x, lines, colour in ((880, 50, AMBER), (1060, 9, TEAL)):
        top = 590 - lines * 7
        draw.rectangle((x, top, x + 110, 590), fill=colour)
        draw.text((x + 55, top - 30), str(lines), font=font(44), fill=INK, anchor="mm")
    draw.line((850, 592, 1200, 592), fill=INK, width=4)
    draw.text((1025, 636), "lines on the list", font=font(32, "Light"), fill=INK, anchor="mm")
    return np.asarray(image)
