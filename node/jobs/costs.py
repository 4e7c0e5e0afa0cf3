"""What jobs cost here: the forecast before, the receipt after, and what is learned in between."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from node.jobs.forecast import Rates, forecast, learned_from, load_rates, receipt, save_rates
from node.records import Forecast, JobRequest, JobState, Probed

_log = logging.getLogger(__name__)


class Costs:
    """The rates of this machine, kept in a file, and its price."""

    def __init__(self, file: Path, price_per_hour_usd: float | None) -> None:
        self.price_per_hour_usd = price_per_hour_usd
        self._file = file
        self.rates = Rates()

    def load(self) -> None:
        """Take up what earlier sessions learned."""
        try:
            self.rates = load_rates(self._file)
        except (OSError, ValueError) as exc:
            _log.warning("forecasts start from the first values again: %s", exc)

    def forecast(self, probed: Probed, request: JobRequest) -> Forecast:
        return forecast(probed, request, self.rates, self.price_per_hour_usd)

    def with_receipt(self, state: JobState) -> JobState:
        return replace(state, receipt=receipt(state, self.price_per_hour_usd))

    def learn(self, state: JobState) -> None:
        """From an ended job; called by one thread."""
        rates = learned_from(self.rates, state)
        if rates == self.rates:
            return
        self.rates = rates
        try:
            save_rates(self._file, rates)
        except OSError as exc:
            _log.warning("what was learned for forecasts could not be kept: %s", exc.strerror)
