"""A deployment's handle whose calls go straight to a replica on this machine where there is one."""

from typing import Any

from tidegate.serving.nearby.replicas import NearbyReplicas, NoneNear


class NearbyHandle:
    """Asks like a handle of Serve's: `await handle.score.remote(batch)`."""

    def __init__(self, handle: Any, near: NearbyReplicas) -> None:
        """Wires the stage.

        Args:
            handle: Of the deployment.
            near: Its replicas on this machine.
        """
        self._handle = handle
        self._near = near

    def __getattr__(self, method: str) -> "_Method":
        """The method of this name."""
        made = _Method(self._handle, self._near, method)
        setattr(self, method, made)
        return made


class _Method:
    def __init__(self, handle: Any, near: NearbyReplicas, name: str) -> None:
        self._by_serve = getattr(handle, name)
        self._near = near
        self._name = name

    async def remote(self, *arguments: Any) -> Any:
        """The answer to a batch. What has no batch goes by way of Serve: it asks whether Serve reaches the stage.

        Raises:
            StageFailed: The near stage raised.
            Exception: Whatever Serve raises.
        """
        if len(arguments) == 1:
            try:
                return await self._near.ask(self._name, arguments[0])
            except NoneNear:
                pass
        return await self._by_serve.remote(*arguments)
