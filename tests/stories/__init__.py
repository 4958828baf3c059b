"""An application that is put into a baked project: requests whose tasks queue tasks."""
