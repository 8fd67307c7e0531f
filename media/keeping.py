"""Photos and videos of posts: what is to be fetched, and where it goes once it is here."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from core.errors import InputError
from core.records import Audience, MediaRef, Post
from core.settings import Settings
from media.check import HEAD_BYTES, check_photo, is_photo, is_video, need_kind
from media.files import MEDIA_FOLDER, Draft, MediaFiles, Shelf
from media.index import MediaIndex, Use
from store.protocol import ALL, Store

log = logging.getLogger(__name__)

SHELVES = {
    Audience.OPEN: Shelf.OPEN,
    Audience.CONFIDENTIAL: Shelf.CONFIDENTIAL,
}


class MediaKeeper:
    """Keeps what was fetched for posts, once a content, on the shelf of the post's audience."""

    def __init__(self, store: Store, settings: Settings) -> None:
        root = settings.under_home(MEDIA_FOLDER)
        self.files = MediaFiles(root)
        self.index = MediaIndex(root)
        self._store = store
        self._settings = settings.media

    def wanted(self, post: Post) -> list[MediaRef]:
        """Addresses of a post that are still to be fetched; those known elsewhere are not."""
        if post.deleted_at is not None:
            return []
        shelf = self.shelf_of(post)
        settled = {use.url for use in self.index.of_post(post.id, shelf) if use.settled}
        left = []
        for ref in post.media:
            if ref.url is None or ref.url in settled or not self._allowed(ref):
                continue
            if not self._known_elsewhere(post, ref.url, shelf):
                left.append(ref)
        return left

    def limit(self, ref: MediaRef) -> int:
        """Bytes that an address may give; without a word about its kind, those of a video."""
        if ref.media_type is not None and is_photo(ref.media_type):
            return self._settings.max_photo_bytes
        largest = [self._settings.max_photo_bytes] if self._settings.photos else []
        if self._settings.videos:
            largest.append(self._settings.max_video_bytes)
        return max(largest, default=0)

    def keep(self, post: Post, url: str, data: bytes) -> bool:
        """Keep what an address gave; ``False`` when it is nothing that is kept."""
        writer = self.files.draft()
        try:
            writer.write(data)
            return self.keep_draft(post, url, writer.finish())
        except OSError:
            writer.discard()
            raise

    def keep_draft(self, post: Post, url: str, draft: Draft) -> bool:
        """Keep a received file; the draft is gone afterwards."""
        try:
            media_type = self._checked(url, draft)
        except InputError as error:
            draft.path.unlink(missing_ok=True)
            self.failed(post, url, str(error), for_good=True)
            return False
        # First pending, then to where the post's record is by now: whichever comes last of this
        # and the move of the record sees the other.
        self.files.keep(draft, Shelf.PENDING)
        use = Use(post.id, url, draft.digest, media_type, draft.size_bytes)
        self.index.put(use, Shelf.PENDING)
        self.settle(post.id, self.shelf_of(post))
        return True

    def failed(self, post: Post, url: str, problem: str, *, for_good: bool = False) -> None:
        """An address gave nothing; it is tried again until it is given up."""
        shelf = self.shelf_of(post)
        before = next((u for u in self.index.of_post(post.id, shelf) if u.url == url), None)
        tries = 99 if for_good else (0 if before is None else before.tries) + 1
        self.index.put(Use(post.id, url, tries=tries, problem=problem), shelf)

    def settle(self, post_id: str, shelf: Shelf) -> int:
        """Bring what lies elsewhere for a record to its shelf; how many files. Repeatable.

        A record never becomes less confidential: nothing is brought from there.
        """
        if shelf is Shelf.PENDING:
            return 0
        moved = self._bring(post_id, Shelf.PENDING, shelf)
        if shelf is Shelf.CONFIDENTIAL:
            moved += self._bring(post_id, Shelf.OPEN, shelf)
        return moved

    def _bring(self, post_id: str, source: Shelf, shelf: Shelf) -> int:
        uses = self.index.of_post(post_id, source)
        for use in uses:  # files first: a row never names what is not there
            if use.digest is not None and self.files.has(use.digest, source):
                self.files.copy(use.digest, source, shelf)
        self.index.move(post_id, source, shelf)
        for use in uses:
            if use.digest is not None and not self._used(use.digest, source):
                self.files.remove(use.digest, source)
        return len(uses)

    def drop(self, post_ids: Iterable[str], shelf: Shelf) -> int:
        """Remove what belongs to posts that are no longer kept; how many files went."""
        gone = 0
        for post_id in post_ids:
            for digest in self.index.drop(post_id, shelf):
                self.files.remove(digest, shelf)
                gone += 1
        return gone

    def sweep(self) -> int:
        """Remove what belongs to records that the store no longer has; how many files went.

        A file is so kept no longer than its last record, whatever removed that.
        """
        gone = 0
        for shelf in (Shelf.PENDING, Shelf.OPEN, Shelf.CONFIDENTIAL):
            orphans = [
                record
                for record in self.index.posts(shelf)
                if not self._store.post_versions(record, ALL)
                and self._store.report(record, ALL) is None
            ]
            gone += self.drop(orphans, shelf)
        return gone

    def shelf_of(self, post: Post) -> Shelf:
        """The shelf of a post's audience as it is now."""
        for audience, shelf in SHELVES.items():
            if self._store.post_versions(post.id, {audience}):
                return shelf
        return Shelf.PENDING

    def _known_elsewhere(self, post: Post, url: str, shelf: Shelf) -> bool:
        """The same address under another post: one file, asked once."""
        known = self.index.fetched(url)
        if known is None:
            return False
        use, lies = known
        if use.digest is None or not self.files.has(use.digest, lies):
            return False
        self.files.copy(use.digest, lies, shelf)
        self.index.put(Use(post.id, url, use.digest, use.media_type, use.size_bytes), shelf)
        return True

    def _used(self, digest: str, shelf: Shelf) -> bool:
        """Whether another record of the shelf has the content."""
        if self.index.used(digest, shelf):
            return True
        return shelf is Shelf.PENDING and any(
            item.digest == digest
            for record in self._store.unassessed(100_000)
            for item in record.media
        )

    def _allowed(self, ref: MediaRef) -> bool:
        kind = ref.media_type or ""
        if is_photo(kind) or _looks_like_photo(ref.url or ""):
            limit, wanted = self._settings.max_photo_bytes, self._settings.photos
        elif is_video(kind):
            limit, wanted = self._settings.max_video_bytes, self._settings.videos
        else:
            limit, wanted = self.limit(ref), self._settings.photos or self._settings.videos
        return wanted and (ref.size_bytes is None or ref.size_bytes <= limit)

    def _checked(self, url: str, draft: Draft) -> str:
        """Media type by content; raises InputError for what is not kept."""
        name = Path(url.partition("?")[0]).name[:80] or "file"
        with draft.path.open("rb") as file:
            media_type = need_kind(name, file.read(HEAD_BYTES))
        photo = is_photo(media_type)
        wanted = self._settings.photos if photo else self._settings.videos
        limit = self._settings.max_photo_bytes if photo else self._settings.max_video_bytes
        if not wanted or draft.size_bytes > limit:
            raise InputError(f"file {name!r}: {media_type} of {draft.size_bytes} bytes is not kept")
        if photo:
            check_photo(name, draft.path)
        return media_type


def _looks_like_photo(url: str) -> bool:
    return url.partition("?")[0].lower().endswith((".jpg", ".jpeg", ".png", ".webp", ".heic"))
