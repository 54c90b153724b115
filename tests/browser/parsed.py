"""HTML as a tree, so far as checks of pages need it."""

from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Element:
    def __init__(self, name, attributes, parent):
        self.name, self.attributes, self.parent = name, attributes, parent
        self.children = []

    def text(self):
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)

    def above(self):
        """This one and those around it."""
        element = self
        while element is not None:
            yield element
            element = element.parent

    def everything(self):
        for child in self.children:
            if not isinstance(child, str):
                yield child
                yield from child.everything()

    def texts(self):
        """Each text with the element around it."""
        for child in self.children:
            if isinstance(child, str):
                yield self, child
            else:
                yield from child.texts()

    def get(self, name, default=None):
        return self.attributes.get(name, default)


class Builder(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.root = self.current = Element("#document", {}, None)

    def handle_starttag(self, tag, attributes):
        element = Element(tag, {name: value if value is not None else "" for name, value in attributes}, self.current)
        self.current.children.append(element)
        if tag not in VOID:
            self.current = element

    def handle_startendtag(self, tag, attributes):
        # Within SVG. In HTML the slash means nothing.
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.current = self.current.parent

    def handle_endtag(self, tag):
        element = self.current
        while element is not None and element.name != tag:
            element = element.parent
        if element is None or element.parent is None:
            raise ValueError(f"</{tag}> at line {self.getpos()[0]} ends nothing")
        self.current = element.parent

    def handle_data(self, data):
        self.current.children.append(data)


def parse(text):
    builder = Builder()
    builder.feed(text)
    builder.close()
    return builder.root
