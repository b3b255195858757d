"""An n8n of our own, for those who have none: installed on request, run beside the stack, set up headlessly."""
