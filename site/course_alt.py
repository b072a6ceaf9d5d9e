"""The alternative texts that `viz.show` stores with each picture, carried into the pages by myst-nb."""

from myst_nb.core.render import NbElementRenderer


def register_alt_texts() -> None:
    """Makes myst-nb give each picture the `alt` of its own metadata; without this it knows one text a cell."""
    plain = NbElementRenderer.render_image

    def render_image(self, data):
        nodes = plain(self, data)
        alt = data.output_metadata.get(data.mime_type, {}).get("alt")
        for node in nodes:
            for image in node.findall(lambda n: n.tagname == "image"):
                image["alt"] = alt or image.get("alt", "")
        return nodes

    NbElementRenderer.render_image = render_image
