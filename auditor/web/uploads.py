"""The limit on uploads, enforced while the bytes arrive and not after they fill the disk."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

FORM_ALLOWANCE = 1 << 20  # bytes of a request besides its file


class BoundedUpload(FileUploadHandler):
    """Stands before the handlers that store; it only counts."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._received = 0

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803  # Django's own name
        content_length: int,
        boundary: Any,
        encoding: Any = None,
    ) -> None:
        """Refuse by the length that is announced, before anything is read."""
        if content_length > settings.MAX_UPLOAD_BYTES + FORM_ALLOWANCE:
            raise RequestDataTooBig("the upload is larger than this installation takes")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Pass the chunk on; refuse once there is more than may come, whatever was announced."""
        self._received += len(raw_data)
        if self._received > settings.MAX_UPLOAD_BYTES + FORM_ALLOWANCE:
            raise RequestDataTooBig("the upload is larger than this installation takes")
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Somebody else keeps the file."""
