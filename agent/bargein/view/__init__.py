"""Views of calls that the terminal and the web pages share: live rows, timelines, pictures."""
