"""lrdoctor inside other tools."""
