"""The one way to a file that ships with the program: icons, fonts, theme, contract artifacts, specification."""

from pathlib import Path, PurePosixPath


def resource(name: str) -> Path:
    """Return the path of the file or folder `name`, relative to `resources/` and written with forward slashes.

    A wheel and a bundle carry the folder inside the package, a source checkout beside it; the first is looked for
    first, since beside an installed package a folder of that name is somebody else's.

    Raises ValueError for a name that leaves the folder, FileNotFoundError for one that is not there.
    """
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\\" in name:
        raise ValueError(f"not a name inside resources/: {name!r}")
    package = Path(__file__).resolve().parent
    inside = package / "_resources"
    path = (inside if inside.is_dir() else package.parent / "resources") / parts
    if not path.exists():
        raise FileNotFoundError(f"the program's own file {name!r} is missing: install it again")
    return path
