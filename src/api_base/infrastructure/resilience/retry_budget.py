"""A budget of retries, as Finagle's and gRPC's [gRPC A6, "retry throttling"]: while everything fails, the load on what is already
failing grows by a share and is not multiplied.
"""


class RetryBudget:
    """Each call puts `share` into a purse that holds `reserve` at most, and in the beginning; each retry takes one out.

    So any stretch of time with n calls has at most `reserve + share · n` retries.
    """

    def __init__(self, share: float, reserve: int) -> None:
        self._share, self._reserve = share, float(reserve)
        self._purse = self._reserve

    def call(self) -> None:
        self._purse = min(self._reserve, self._purse + self._share)

    def take(self) -> bool:
        """Whether one more retry may be made; if so, it is paid for."""
        if self._purse < 1:
            return False
        self._purse -= 1
        return True
